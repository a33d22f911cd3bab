import { OWN_HOP_LIMIT, ownPacketsFilter } from '../engine/own-packets.ts'

/**
 * Where engines take their source ports from (source-port-ranges.ts). Which of them they have is known
 * to the sidecar's process alone.
 */
const SOURCE_PORTS = { first: 49152, last: 65535 }

/**
 * The pcap-filter expressions that a frame must pass: what the user wants, after what podtap sends itself,
 * whichever engine does, and the ICMP errors that quote it, is left out. Mirrored frames are told from an
 * application's VXLAN by their hop limit, which nothing else has that leaves a pod.
 */
export function tapFilters(user: string, sensorPort: number): readonly string[] {
  const direction = 'outbound'
  const alike = ownPacketsFilter({ sensorPort, sourcePorts: SOURCE_PORTS, direction })
  const isOwn = `(ip[8] = ${OWN_HOP_LIMIT}) or (ip6[7] = ${OWN_HOP_LIMIT})`
  const isError = '(ip[9] = 1) or (ip6[6] = 58)'
  return [`not ((${alike}) and (${isOwn} or ${isError}))`, user]
}
