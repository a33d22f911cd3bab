/** Frames of many flows, and what a sensor reads out of them flow by flow, however they were split. */
import {
  checksumOf,
  concat,
  ethernet,
  ipv4,
  ipv6,
  number,
  pseudoHeader,
  tcp,
  udp,
} from './frames.ts'
import { joinFragments, joinSegments, pattern, readIp, readTcp, type ReadIp } from './reassembly.ts'

const TCP = 6
/** ICMP, TCP, UDP. */
const PROTOCOLS = { 4: [1, TCP, 17], 6: [58, TCP, 17] } as const
/** Where each of them has its checksum. */
const CHECKSUM_AT: Readonly<Record<number, number>> = { 1: 2, 58: 2, 6: 16, 17: 6 }

/** One whole frame per flow and per length, in bytes of IP payload; each flow is known by its source address. */
export function framesOfFlows(lengths: readonly number[]): Uint8Array[] {
  const flows = ([4, 6] as const).flatMap((version) =>
    PROTOCOLS[version].map((protocol) => ({ version, protocol, sequence: 1 })),
  )
  return lengths.flatMap((length) =>
    flows.map((flow) => {
      const { version, protocol, sequence } = flow
      flow.sequence += length - 20
      const payload = transport(protocol, sequence, length)
      const source = concat(new Uint8Array(version === 4 ? 2 : 14).fill(10), number(protocol, 2))
      const fields = { protocol, payload, source }
      const packet = version === 4 ? ipv4(fields) : ipv6(fields)
      return ethernet(version === 4 ? 0x0800 : 0x86dd, withChecksum(packet, fields))
    }),
  )
}

/** Per flow what was sent, as hex text: the bytes of a TCP stream, or whole payloads in their order. */
export function readFlows(frames: readonly Uint8Array[]): Map<string, string[]> {
  const pieces = Map.groupBy(frames.map(readIp), (packet) => {
    const { version, protocol, header } = packet
    return `${version} ${protocol} ${toHex(header.subarray(version === 4 ? 12 : 8))}`
  })
  return new Map([...pieces].map(([flow, packets]) => [flow, payloadsOf(packets)]))
}

/** How much of it there is. */
export function lengthOf(flows: ReadonlyMap<string, readonly string[]>): number {
  return [...flows.values()].flat().join('').length
}

function payloadsOf(packets: readonly ReadIp[]): string[] {
  if (packets[0]!.protocol === TCP) return [toHex(joinSegments(packets.map(readTcp)))]
  const payloads: string[] = []
  let open: ReadIp[] = []
  for (const packet of packets) {
    open.push(packet)
    if (packet.more) continue
    payloads.push(toHex(joinFragments(open)))
    open = []
  }
  return payloads
}

function transport(protocol: number, sequence: number, length: number): Uint8Array {
  if (protocol === 17) return udp([9, 9], concat(number(sequence, 4), pattern(length - 12)))
  if (protocol !== TCP) {
    const [echo, header] = [number(protocol === 58 ? 128 : 8, 1), number(sequence, 4)]
    return concat(echo, new Uint8Array(3), header, pattern(length - 8))
  }
  const segment = tcp([9, 9], pattern(length - 20))
  segment.set(number(sequence, 4), 4)
  return segment
}

/** The packet with the checksum of its payload in place; ICMP has no pseudo-header (RFC 792), ICMPv6 has one. */
function withChecksum(
  packet: Uint8Array,
  { protocol, payload }: { readonly protocol: number; readonly payload: Uint8Array },
): Uint8Array {
  const pseudo = protocol === 1 ? new Uint8Array() : pseudoHeader(packet, protocol, payload.length)
  const sum = checksumOf(concat(pseudo, payload))
  const copy = Uint8Array.from(packet)
  copy.set(number(sum, 2), packet.length - payload.length + CHECKSUM_AT[protocol]!)
  return copy
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
