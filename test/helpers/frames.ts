/** Frames for tests, built field by field and independently of the code under test. */

/** Bytes from hex text; white space and everything after `#` on a line is left out. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/#.*$/gm, '').replace(/\s+/g, '')
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** All parts in one array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** A number as `size` bytes in network byte order. */
export function number(value: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** (size - 1 - at)))
}

/** An Ethernet frame between two fixed MAC addresses. */
export function ethernet(etherType: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(hex('0200 0000 0002 0200 0000 0001'), number(etherType, 2), payload)
}

/** Puts one VLAN tag behind the MAC addresses of `frame`. */
export function tagged(frame: Uint8Array, tag: number, vlan: number): Uint8Array<ArrayBuffer> {
  return concat(frame.subarray(0, 12), number(tag, 2), number(vlan, 2), frame.subarray(12))
}

/** What can be said about an IP packet; the rest is constant. */
export interface IpFields {
  readonly protocol: number
  readonly payload: Uint8Array
  /** IPv4 flags and offset field; default 0. */
  readonly fragment?: number
  /** Time to live or hop limit; default 64. */
  readonly hopLimit?: number
  readonly source?: Uint8Array
  readonly destination?: Uint8Array
}

/** An IPv4 packet with a right header checksum, 10.0.0.1 to 10.0.0.2 unless said otherwise. */
export function ipv4(fields: IpFields): Uint8Array<ArrayBuffer> {
  const { protocol, payload, fragment = 0, hopLimit = 64 } = fields
  const header = concat(
    hex('4500'),
    number(20 + payload.length, 2),
    hex('1234'),
    number(fragment, 2),
    number(hopLimit, 1),
    number(protocol, 1),
    hex('0000'),
    fields.source ?? hex('0a00 0001'),
    fields.destination ?? hex('0a00 0002'),
  )
  header.set(number(checksumOf(header), 2), 10)
  return concat(header, payload)
}

/** An IPv6 packet, fd00::1 to fd00::2 unless said otherwise. */
export function ipv6(fields: IpFields): Uint8Array<ArrayBuffer> {
  const { protocol, payload, hopLimit = 64 } = fields
  return concat(
    hex('6000 0000'),
    number(payload.length, 2),
    number(protocol, 1),
    number(hopLimit, 1),
    fields.source ?? hex('fd00 0000 0000 0000 0000 0000 0000 0001'),
    fields.destination ?? hex('fd00 0000 0000 0000 0000 0000 0000 0002'),
    payload,
  )
}

/** A UDP datagram with `checksum` as it is given. */
export function udp(
  ports: readonly [number, number],
  payload: Uint8Array,
  checksum = 0,
): Uint8Array<ArrayBuffer> {
  const [source, destination] = ports
  return concat(
    number(source, 2),
    number(destination, 2),
    number(8 + payload.length, 2),
    number(checksum, 2),
    payload,
  )
}

/** A TCP segment without options, with `checksum` as it is given. */
export function tcp(
  ports: readonly [number, number],
  payload: Uint8Array,
  checksum = 0,
): Uint8Array<ArrayBuffer> {
  const [source, destination] = ports
  return concat(
    number(source, 2),
    number(destination, 2),
    hex('0000 0001 0000 0002 5018 ffff'),
    number(checksum, 2),
    hex('0000'),
    payload,
  )
}

/** The checksum of RFC 1071 §1, word by word with the carry added at once: slow, and plainly right. */
export function checksumOf(bytes: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) {
    sum += bytes[at]! * 256 + (bytes[at + 1] ?? 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return 0xffff - sum
}

/** The pseudo-header of an IP packet whose upper layer is `length` bytes of `protocol`. */
export function pseudoHeader(
  packet: Uint8Array,
  protocol: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  if (packet[0]! >>> 4 === 4) {
    return concat(packet.subarray(12, 20), number(protocol, 2), number(length, 4))
  }
  return concat(packet.subarray(8, 40), number(length, 4), number(protocol, 4))
}

/** CRC32c, the checksum of SCTP, bit by bit (RFC 9260 Appendix A): slow, and plainly right. */
export function crc32cOf(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
