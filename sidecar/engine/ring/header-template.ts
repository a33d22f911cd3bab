/**
 * The header that every piece of a split frame begins with: VXLAN, Ethernet and IP as in the frame,
 * and what of the transport header the caller wants. It is written once per frame; a piece then costs
 * a copy in 32-bit words and the few fields that differ. Sums over what does not differ are taken
 * once, too.
 */
import { sumBytes } from '../internet-sum.ts'
import { readUint16, type Frame, type Packet } from '../packet.ts'
import { VXLAN_HEADER_BYTES } from '../vxlan.ts'
import { MAX_HEADER_BYTES, type Batch } from './batch.ts'
import type { Template } from './template.ts'

const IPV6_HEADER_BYTES = 40
const JUMBO_HEADER_BYTES = 8
const HOP_BY_HOP = 0
const JUMBO_OPTION = 0xc2

/**
 * Writes the template for `frame`: all up to `transport` are Ethernet and IP headers, and what
 * follows up to `end` is copied, too. Both must lie inside the frame. A jumbo option (BIG TCP) is
 * left out: the pieces are no jumbograms. Returns false when the header is too long.
 */
export function writeTemplate(
  batch: Batch,
  frame: Frame,
  packet: Packet,
  { transport, end }: { readonly transport: number; readonly end: number },
): boolean {
  const { bytes, start } = frame
  const left = VXLAN_HEADER_BYTES + (end - start)
  const at = left > MAX_HEADER_BYTES ? -1 : batch.allocateHeader(left)
  if (at === -1 || packet.ipVersion === 0) return false
  const jumbo = hasJumboHeader(frame, packet, transport) ? JUMBO_HEADER_BYTES : 0
  const template = batch.template
  template.start = at
  template.length = left - jumbo
  template.ipVersion = packet.ipVersion
  template.network = VXLAN_HEADER_BYTES + (packet.network - start)
  template.transport = VXLAN_HEADER_BYTES + (transport - start) - jumbo
  batch.writeVxlan(at)
  const cut = packet.network + IPV6_HEADER_BYTES
  if (jumbo === 0) {
    bytes.copyWithin(at + VXLAN_HEADER_BYTES, start, end)
  } else {
    bytes.copyWithin(at + VXLAN_HEADER_BYTES, start, cut)
    bytes.copyWithin(at + VXLAN_HEADER_BYTES + (cut - start), cut + jumbo, end)
    bytes[at + template.network + 6] = bytes[cut] ?? 0
  }
  if (template.ipVersion === 4) sumIpv4(bytes, template)
  return true
}

/**
 * Copies the template into a new header, and writes its IP length for `payloadBytes` behind the IP
 * headers, and for IPv4 the identification and the checksum. Returns where; -1 when there is no room.
 */
export function writeHeader(batch: Batch, payloadBytes: number, identification: number): number {
  const { template, memory } = batch
  const at = batch.allocateHeader(template.length)
  if (at === -1) return -1
  const { words, bytes } = memory
  const from = template.start >>> 2
  const to = at >>> 2
  const count = (template.length + 3) >>> 2
  for (let word = 0; word < count; word++) words[to + word] = words[from + word] ?? 0
  const network = at + template.network
  const headers = template.transport - template.network
  if (template.ipVersion === 6) {
    writeUint16(bytes, network + 4, headers - IPV6_HEADER_BYTES + payloadBytes)
    return at
  }
  const length = headers + payloadBytes
  writeUint16(bytes, network + 2, length)
  writeUint16(bytes, network + 4, identification)
  writeUint16(bytes, network + 10, ~fold(template.networkSum + length + identification))
  return at
}

/** Writes the lower 16 bits of `value` in network byte order. */
export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

/** Adds the carries of a sum below 2^31 until it fits 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

function sumIpv4(bytes: Uint8Array, template: Template): void {
  const network = template.start + template.network
  template.identification = readUint16(bytes, network + 4)
  writeUint16(bytes, network + 2, 0)
  writeUint16(bytes, network + 4, 0)
  writeUint16(bytes, network + 10, 0)
  template.networkSum = sumBytes(bytes, network, template.start + template.transport)
}

/** RFC 2675 §2: a hop-by-hop header whose only option, type 0xc2, is the length; IPv6's own length is 0. */
function hasJumboHeader({ bytes }: Frame, packet: Packet, transport: number): boolean {
  const options = packet.network + IPV6_HEADER_BYTES
  if (packet.ipVersion !== 6 || options + JUMBO_HEADER_BYTES > transport) return false
  if (readUint16(bytes, packet.network + 4) !== 0) return false
  return (
    bytes[packet.network + 6] === HOP_BY_HOP &&
    bytes[options + 1] === 0 &&
    bytes[options + 2] === JUMBO_OPTION
  )
}
