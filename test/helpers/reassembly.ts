/** Puts pieces of split frames together again, independently of the code that split them. */
import { checksumOf, concat, number, pseudoHeader } from './frames.ts'

/** What a sensor reads out of an IP packet without VLAN tags in an Ethernet frame. */
export interface ReadIp {
  readonly version: number
  readonly protocol: number
  /** Bytes before the IP header, and IP headers. */
  readonly link: Uint8Array
  readonly header: Uint8Array
  readonly payload: Uint8Array
  /** Bytes from the start of the original packet's payload; more: whether others follow. */
  readonly offset: number
  readonly more: boolean
  readonly id: number
}

/** Reads `frame`; throws when a length is wrong or an IPv4 header checksum is bad. */
export function readIp(frame: Uint8Array): ReadIp {
  const linkBytes = frame[12] === 0x81 ? 18 : 14
  const [link, packet] = [frame.subarray(0, linkBytes), frame.subarray(linkBytes)]
  return packet[0]! >>> 4 === 4 ? readIpv4(link, packet) : readIpv6(link, packet)
}

function readIpv4(link: Uint8Array, packet: Uint8Array): ReadIp {
  const headerBytes = (packet[0]! & 15) * 4
  const length = be16(packet, 2)
  if (length !== packet.length) throw new Error(`IPv4 length ${length}, frame has ${packet.length}`)
  if (checksumOf(packet.subarray(0, headerBytes)) !== 0) throw new Error('bad IPv4 header checksum')
  const position = be16(packet, 6)
  return {
    version: 4,
    protocol: packet[9]!,
    link,
    header: packet.subarray(0, headerBytes),
    payload: packet.subarray(headerBytes),
    offset: (position & 0x1fff) * 8,
    more: (position & 0x2000) !== 0,
    id: be16(packet, 4),
  }
}

function readIpv6(link: Uint8Array, packet: Uint8Array): ReadIp {
  const length = be16(packet, 4)
  if (length + 40 !== packet.length) throw new Error(`IPv6 length ${length}, ${packet.length - 40}`)
  const isFragment = packet[6] === 44
  const position = isFragment ? be16(packet, 42) : 0
  return {
    version: 6,
    protocol: isFragment ? packet[40]! : packet[6]!,
    link,
    header: packet.subarray(0, 40),
    payload: packet.subarray(isFragment ? 48 : 40),
    offset: position & 0xfff8,
    more: (position & 1) === 1,
    id: isFragment ? be16(packet, 44) * 65536 + be16(packet, 46) : 0,
  }
}

/** Whether the checksum of a whole TCP or UDP payload is right. */
export function isChecksumRight({ header, protocol, payload }: ReadIp): boolean {
  return checksumOf(concat(pseudoHeader(header, protocol, payload.length), payload)) === 0
}

/** The payload of the packet that `fragments` are of, in any order; throws on gaps and overlaps. */
export function joinFragments(fragments: readonly ReadIp[]): Uint8Array {
  const sorted = fragments.toSorted((a, b) => a.offset - b.offset)
  if (new Set(sorted.map(({ id }) => id)).size !== 1) throw new Error('different identifications')
  let end = 0
  for (const [index, { offset, payload, more }] of sorted.entries()) {
    if (offset !== end) throw new Error(`expected a fragment at ${end}, received one at ${offset}`)
    if (more !== index < sorted.length - 1) throw new Error('more-fragments is wrong')
    if (more && payload.length % 8 !== 0) throw new Error('a fragment is no multiple of 8')
    end += payload.length
  }
  return concat(...sorted.map(({ payload }) => payload))
}

/** A TCP segment in an IP packet. */
export interface ReadTcp {
  readonly sequence: number
  readonly flags: number
  /** All of the header but sequence, flags and checksum. */
  readonly rest: string
  readonly data: Uint8Array
}

/** Reads the TCP segment of a whole packet. */
export function readTcp({ payload }: ReadIp): ReadTcp {
  const headerBytes = (payload[12]! >>> 4) * 4
  const rest = Uint8Array.from(payload.subarray(0, headerBytes))
  rest.fill(0, 4, 8)
  rest[13] = 0
  rest.fill(0, 16, 18)
  return {
    sequence: be16(payload, 4) * 65536 + be16(payload, 6),
    flags: payload[13]!,
    rest: Buffer.from(rest).toString('hex'),
    data: payload.subarray(headerBytes),
  }
}

/** The bytes that segments in sequence carry; throws on a gap. */
export function joinSegments(segments: readonly ReadTcp[]): Uint8Array {
  let next = segments[0]!.sequence
  for (const { sequence, data } of segments) {
    if (sequence !== next) throw new Error(`expected sequence ${next}, received ${sequence}`)
    next = (next + data.length) % 2 ** 32
  }
  return concat(...segments.map(({ data }) => data))
}

/** `count` bytes that differ from their neighbours. */
export function pattern(count: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: count }, (_, at) => (at * 7 + (at >>> 8)) & 0xff)
}

/** The bytes with a big-endian number written over two of them. */
export function patched(bytes: Uint8Array, at: number, value: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes)
  copy.set(number(value, 2), at)
  return copy
}

function be16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!
}
