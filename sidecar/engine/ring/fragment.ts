/**
 * Splits an IP packet into IP fragments, as a router on the way would have, because it is too long
 * for the path once it is wrapped in VXLAN. Sensors put fragments together again.
 *
 *   IPv4   the header again, with length, more-fragments, offset and checksum        (RFC 791 §2.3)
 *   IPv6   headers for routers | fragment header(8) | part of the rest               (RFC 8200 §4.5)
 *          next header(1) reserved(1) offset in 8 bytes(13 bits)|reserved(2)|more(1) id(4)
 */
import { readUint16, type Frame, type Packet } from '../packet.ts'
import { FRAME_PIECES, type Batch } from './batch.ts'
import { fold, writeTemplate, writeUint16 } from './header-template.ts'

const IPV4_HEADER_BYTES = 20
const IPV6_HEADER_BYTES = 40
const FRAGMENT_HEADER_BYTES = 8
const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const DESTINATION_OPTIONS = 60
const IPV4_MORE = 0x2000
const IPV4_DONT = 0x4000
const IPV4_OFFSET = 0x1fff

/** What is to be fragmented: headers as batch.template lays them out, then bytes of the frame. */
export interface Fragmentable {
  /** Where the headers stand. What the template has behind its IP headers goes with the first fragment. */
  readonly header: number
  readonly body: number
  readonly bodyBytes: number
}

/** What a fragment says of itself; of a packet that is one already, its own values. */
interface Identity {
  id: number
  /** Offset in bytes within the original packet. */
  offset: number
  more: boolean
  /** IPv6: what the fragments carry. */
  nextHeader: number
}

/** One object for every packet: nothing is allocated per frame. */
const identity: Identity = { id: 0, offset: 0, more: false, nextHeader: 0 }

/** Adds the fragments of an IP packet; false when it is none, is cut, or has no room. */
export function fragmentFrame(
  batch: Batch,
  frame: Frame,
  packet: Packet,
  maxFrame: number,
): boolean {
  if (packet.ipVersion === 0 || packet.isCut) return false
  const { packetEnd } = packet
  const split =
    packet.ipVersion === 4 ? endOfHeader4(frame, packet) : endOfRoutedHeaders(frame, packet)
  if (split === -1) return false
  if (!writeTemplate(batch, frame, packet, { transport: split, end: split })) return false
  if (packet.ipVersion === 4) readIdentity4(batch)
  const body = packet.ipVersion === 4 ? split : split + readIdentity6(batch, packet, split)
  if (body >= packetEnd) return false
  const source = { header: batch.template.start, body, bodyBytes: packetEnd - body }
  return addParts(batch, source, maxFrame)
}

/** Adds the fragments of a packet that was made here: `source` is whole. */
export function addFragments(batch: Batch, source: Fragmentable, maxFrame: number): boolean {
  identity.id = ++batch.fragmentId
  identity.offset = 0
  identity.more = false
  const { ipVersion, network } = batch.template
  const { bytes } = batch.memory
  if (ipVersion === 6) identity.nextHeader = bytes[lastNextHeader(batch, source.header)] ?? 0
  else if (!isDontFragment(bytes, source.header + network)) {
    identity.id = readUint16(bytes, source.header + network + 4)
  }
  return addParts(batch, source, maxFrame)
}

function addParts(batch: Batch, source: Fragmentable, maxFrame: number): boolean {
  const { template } = batch
  const extra = template.ipVersion === 6 ? FRAGMENT_HEADER_BYTES : 0
  const lead = template.length - template.transport
  const total = lead + source.bodyBytes
  const room = (maxFrame + 8 - template.transport - extra) & ~7
  if (room < 8) return false
  const count = Math.ceil(total / room)
  if (count > FRAME_PIECES) return false
  const size = (Math.ceil(total / count) + 7) & ~7
  for (let offset = 0; offset < total; offset += size) {
    const length = Math.min(size, total - offset)
    const copied = offset === 0 ? lead : 0
    const header = copyHeader(batch, source.header, extra, copied)
    if (header === -1) return false
    const more = identity.more || offset + length < total
    if (extra === 0) finish4(batch, header, { offset, length, more })
    else finish6(batch, header, { offset, length, more })
    const body = source.body + (offset === 0 ? 0 : offset - lead)
    batch.addPiece(header, template.transport + extra + copied, body, length - copied)
  }
  return true
}

/** The IP headers, `extra` bytes left free behind them, then `lead` bytes of what follows. */
function copyHeader(batch: Batch, from: number, extra: number, lead: number): number {
  const { transport } = batch.template
  const at = batch.allocateHeader(transport + extra + lead)
  if (at === -1) return -1
  const { bytes } = batch.memory
  bytes.copyWithin(at, from, from + transport)
  bytes.copyWithin(at + transport + extra, from + transport, from + transport + lead)
  return at
}

interface Part {
  readonly offset: number
  readonly length: number
  readonly more: boolean
}

function finish4(batch: Batch, header: number, part: Part): void {
  const { bytes } = batch.memory
  const { template } = batch
  const network = header + template.network
  const length = template.transport - template.network + part.length
  const old = readUint16(bytes, batch.template.start + template.network + 6)
  const position = ((identity.offset + part.offset) >>> 3) & IPV4_OFFSET
  const flags = (old & 0x8000) | (part.more ? IPV4_MORE : 0) | position
  const id = identity.id & 0xffff
  writeUint16(bytes, network + 2, length)
  writeUint16(bytes, network + 4, id)
  writeUint16(bytes, network + 6, flags)
  const sum = template.networkSum + (~old & 0xffff) + flags + length + id
  writeUint16(bytes, network + 10, ~fold(sum))
}

function finish6(batch: Batch, header: number, part: Part): void {
  const { bytes } = batch.memory
  const { template } = batch
  const at = header + template.transport
  const length =
    at - (header + template.network) - IPV6_HEADER_BYTES + FRAGMENT_HEADER_BYTES + part.length
  writeUint16(bytes, header + template.network + 4, length)
  bytes[lastNextHeader(batch, header)] = FRAGMENT
  bytes[at] = identity.nextHeader
  bytes[at + 1] = 0
  writeUint16(bytes, at + 2, (identity.offset + part.offset) | (part.more ? 1 : 0))
  writeUint16(bytes, at + 4, identity.id >>> 16)
  writeUint16(bytes, at + 6, identity.id)
}

/**
 * A packet with "don't fragment" may have any identification, often 0 (RFC 6864 §4.1): its fragments
 * need one of their own, or those of two packets would be mixed up.
 */
function readIdentity4(batch: Batch): void {
  const network = batch.template.start + batch.template.network
  const flags = readUint16(batch.memory.bytes, network + 6)
  identity.id = batch.template.identification
  if ((flags & IPV4_DONT) !== 0) identity.id = ++batch.fragmentId
  identity.offset = (flags & IPV4_OFFSET) * 8
  identity.more = (flags & IPV4_MORE) !== 0
}

/** Returns the length of the fragment header that the packet has already, or 0. */
function readIdentity6(batch: Batch, packet: Packet, split: number): number {
  const { bytes } = batch.memory
  const next = bytes[nextHeaderBefore(bytes, packet.network, split)] ?? 0
  identity.id = ++batch.fragmentId
  identity.offset = 0
  identity.more = false
  identity.nextHeader = next
  if (next !== FRAGMENT || split + FRAGMENT_HEADER_BYTES > packet.packetEnd) return 0
  const position = readUint16(bytes, split + 2)
  identity.id = ((readUint16(bytes, split + 4) << 16) | readUint16(bytes, split + 6)) >>> 0
  identity.offset = position & 0xfff8
  identity.more = (position & 1) !== 0
  identity.nextHeader = bytes[split] ?? 0
  return FRAGMENT_HEADER_BYTES
}

/** Where the IPv4 header ends; -1 when nothing follows it. */
function endOfHeader4({ bytes }: Frame, { network, packetEnd }: Packet): number {
  const length = ((bytes[network] ?? 0) & 0x0f) * 4
  return length < IPV4_HEADER_BYTES || network + length >= packetEnd ? -1 : network + length
}

/** Where the headers end that every fragment must repeat; -1 when the packet ends before. */
function endOfRoutedHeaders({ bytes }: Frame, { network, packetEnd }: Packet): number {
  let next = bytes[network + 6] ?? 0
  let at = network + IPV6_HEADER_BYTES
  while (next === HOP_BY_HOP || next === ROUTING || next === DESTINATION_OPTIONS) {
    if (at + 8 > packetEnd) return -1
    next = bytes[at] ?? 0
    at += ((bytes[at + 1] ?? 0) + 1) * 8
  }
  return at < packetEnd ? at : -1
}

/** Where the field stands that says what begins at `end`: in the IPv6 header or the one before `end`. */
function nextHeaderBefore(bytes: Uint8Array, network: number, end: number): number {
  let field = network + 6
  for (let at = network + IPV6_HEADER_BYTES; at < end;) {
    field = at
    at += ((bytes[at + 1] ?? 0) + 1) * 8
  }
  return field
}

function lastNextHeader({ memory, template }: Batch, header: number): number {
  return nextHeaderBefore(memory.bytes, header + template.network, header + template.transport)
}

function isDontFragment(bytes: Uint8Array, network: number): boolean {
  return (readUint16(bytes, network + 6) & IPV4_DONT) !== 0
}
