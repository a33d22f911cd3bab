/**
 * Splits a TCP segment into shorter ones that say the same (RFC 9293 §3.8): either one that Linux
 * built far too long because a network card would have split it (TSO, GRO, BIG TCP), or one that is
 * too long for the path once it is wrapped in VXLAN.
 *
 *   VXLAN | Ethernet | IP: length, id, checksum | TCP: seq, flags, checksum, options | payload part
 *           copied        written per piece            written per piece     copied     left in place
 */
import { sumBytes } from '../internet-sum.ts'
import { readUint16, type Frame, type Packet } from '../packet.ts'
import { VXLAN_HEADER_BYTES } from '../vxlan.ts'
import { FRAME_PIECES, type Batch } from './batch.ts'
import { fold, writeHeader, writeTemplate, writeUint16 } from './header-template.ts'

const TCP = 6
const TCP_HEADER_BYTES = 20
const SEQUENCE = 4
const DATA_OFFSET = 12
const FLAGS = 13
const CHECKSUM = 16
const FIN = 0x01
const SYN = 0x02
const RST = 0x04
const PSH = 0x08
const URG = 0x20
const CWR = 0x80

/** What a right checksum sums up to (RFC 1071 §1). */
const NO_ERROR = 0xffff

/** How a frame is to be split. */
export interface Split {
  /** The longest frame that the path takes, wrapped. */
  maxFrame: number
  /** The payload of every packet on the wire as the kernel noted it; 0 in a frame that is one packet. */
  gsoSize: number
  /** Whether the checksum is known to be right, or left to a network card: then every piece's is right. */
  checksumIsGood: boolean
}

/** The frame in work: one object for all, nothing is allocated per frame. */
const plan = { payload: 0, size: 0, count: 0, flags: 0, sequence: 0, error: 0 }

/** The sums of the payload parts of the frame in work. */
const payloadSums = new Int32Array(FRAME_PIECES)

/** Whether segmentTcp() can split it: whole, with a payload, and no flag whose meaning hangs on one packet. */
export function isSplittableTcp({ bytes }: Frame, packet: Packet): boolean {
  const { transport, packetEnd } = packet
  if (packet.protocol !== TCP || transport === -1 || packet.isCut) return false
  if (transport + TCP_HEADER_BYTES > packetEnd) return false
  const payload = payloadOf(bytes, transport)
  if (payload < transport + TCP_HEADER_BYTES || payload >= packetEnd) return false
  return ((bytes[transport + FLAGS] ?? 0) & (SYN | RST | URG)) === 0
}

/**
 * Adds the pieces of a frame for which isSplittableTcp() holds. FIN and PSH stay on the last piece,
 * CWR on the first (RFC 3168 §6.1.2). A wrong checksum stays wrong, by the same difference, in every
 * piece: the frame is evidence. Returns false, and adds nothing of use, when there is no room.
 */
export function segmentTcp(batch: Batch, frame: Frame, packet: Packet, split: Split): boolean {
  const { bytes } = frame
  const { transport, packetEnd } = packet
  const payload = payloadOf(bytes, transport)
  if (!writeTemplate(batch, frame, packet, { transport, end: payload })) return false
  const total = packetEnd - payload
  const size = pieceSize(total, split, batch.template.length - VXLAN_HEADER_BYTES)
  const count = size === 0 ? Infinity : Math.ceil(total / size)
  if (count > FRAME_PIECES) return false
  for (let piece = 0, at = payload; piece < count; piece++, at += size) {
    payloadSums[piece] = sumBytes(bytes, at, Math.min(at + size, packetEnd))
  }
  plan.payload = payload
  plan.size = size
  plan.count = count
  plan.flags = bytes[transport + FLAGS] ?? 0
  plan.sequence = readUint32(bytes, transport + SEQUENCE)
  plan.error = split.checksumIsGood ? NO_ERROR : residue(frame, packet, payload, count)
  return addPieces(batch, packet)
}

function addPieces(batch: Batch, packet: Packet): boolean {
  const { bytes } = batch.memory
  const { template } = batch
  const { payload, size, count, sequence } = plan
  const baseSum = sumTemplate(batch, packet)
  const headerBytes = payload - packet.transport
  for (let piece = 0; piece < count; piece++) {
    const at = payload + piece * size
    const length = Math.min(size, packet.packetEnd - at)
    const id = (template.identification + piece) & 0xffff
    const header = writeHeader(batch, headerBytes + length, id)
    if (header === -1) return false
    const tcp = header + template.transport
    const position = (sequence + piece * size) >>> 0
    const flags = flagsOf(plan.flags, piece === 0, piece === count - 1)
    writeUint32(bytes, tcp + SEQUENCE, position)
    bytes[tcp + FLAGS] = flags
    const own = headerBytes + length + (position >>> 16) + (position & 0xffff) + flags
    const right = ~fold(baseSum + own + (payloadSums[piece] ?? 0)) & 0xffff
    writeUint16(bytes, tcp + CHECKSUM, plan.error === NO_ERROR ? right : fold(right + plan.error))
    batch.addPiece(header, template.length, at, length)
  }
  return true
}

/**
 * The payload of each piece: the size on the wire where that fits (and makes no absurd number), else as few pieces as possible,
 * evenly, so that all are of one length and can be sent together. An even size keeps sums fast.
 */
export function pieceSize(
  total: number,
  { maxFrame, gsoSize }: Split,
  headerBytes: number,
): number {
  const room = maxFrame - headerBytes
  if (gsoSize > 0 && gsoSize <= room && gsoSize * FRAME_PIECES >= total) return gsoSize
  if (room < 2) return 0
  const even = Math.ceil(total / Math.ceil(total / (room & ~1)))
  return (even + 1) & ~1
}

/** The sum over pseudo-header, without its length, and TCP header, without what differs per piece. */
function sumTemplate(batch: Batch, packet: Packet): number {
  const { bytes } = batch.memory
  const tcp = batch.template.start + batch.template.transport
  writeUint32(bytes, tcp + SEQUENCE, 0)
  bytes[tcp + FLAGS] = 0
  writeUint16(bytes, tcp + CHECKSUM, 0)
  const header = sumBytes(bytes, tcp, batch.template.start + batch.template.length)
  return header + sumAddresses(bytes, packet) + TCP
}

/** The sum over the whole segment as it was captured: 0xffff when its checksum is right (RFC 1071 §1). */
function residue({ bytes }: Frame, packet: Packet, payload: number, count: number): number {
  const length = packet.packetEnd - packet.transport
  let sum =
    sumAddresses(bytes, packet) + TCP + fold(length) + sumBytes(bytes, packet.transport, payload)
  for (let piece = 0; piece < count; piece++) {
    const part = payloadSums[piece] ?? 0
    // Behind an odd number of bytes, upper and lower halves have changed places (RFC 1071 §2(B)).
    sum += ((piece * plan.size) & 1) === 0 ? part : ((part & 0xff) << 8) | (part >>> 8)
  }
  return fold(sum)
}

function sumAddresses(bytes: Uint8Array, packet: Packet): number {
  return packet.ipVersion === 4
    ? sumBytes(bytes, packet.network + 12, packet.network + 20)
    : sumBytes(bytes, packet.network + 8, packet.network + 40)
}

function flagsOf(flags: number, isFirst: boolean, isLast: boolean): number {
  const kept = isLast ? flags : flags & ~(FIN | PSH)
  return isFirst ? kept : kept & ~CWR
}

function payloadOf(bytes: Uint8Array, transport: number): number {
  return transport + ((bytes[transport + DATA_OFFSET] ?? 0) >>> 4) * 4
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((readUint16(bytes, at) << 16) | readUint16(bytes, at + 2)) >>> 0
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  writeUint16(bytes, at, value >>> 16)
  writeUint16(bytes, at + 2, value)
}
