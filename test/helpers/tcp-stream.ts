/** Real TCP between the client and the pod of a Wire, and what tshark makes of it. */
import { once } from 'node:events'
import type { WireCapture } from './wire-capture.ts'
import type { Wire } from './wire.ts'

/** tshark: a checksum that is wrong; that of the outer UDP is for the receiver to judge. */
export const BAD_CHECKSUM = [
  'tcp.checksum.status == 0',
  'ip.checksum.status == 0',
  'udp.checksum.status == 0 and not udp.port == 4789',
].join(' or ')

/** tshark: an IPv4 fragment, outer or inner. */
export const FRAGMENT = 'ip.flags.mf == 1 or ip.frag_offset > 0'

/** tshark: a stream with a gap, or out of order. */
export const DISTURBED =
  'tcp.analysis.lost_segment or tcp.analysis.out_of_order or tcp.analysis.ack_lost_segment'

/** One iperf3 run from the client to a server on the pod, at `address`. */
export async function converse(
  wire: Wire,
  address: string,
  options: readonly string[],
): Promise<void> {
  const server = wire.start('pod', 'iperf3', '-s', '-1', '--forceflush')
  const ended = once(server, 'exit')
  await once(server.stdout!, 'data')
  await wire.run('client', 'iperf3', '-c', address, ...options)
  await ended
}

/** How many bytes of TCP payload a capture holds, in both directions, each byte of a stream once. */
export async function payloadBytes(capture: WireCapture): Promise<number> {
  const rows = await capture.tshark('tcp.len > 0 and not tcp.analysis.retransmission', 'tcp.len')
  return rows.reduce((sum, [length]) => sum + Number(length), 0)
}
