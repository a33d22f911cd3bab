/**
 * Splits a super-datagram (USO: an application sent with UDP_SEGMENT, as QUIC does) into the
 * datagrams that a network card would have put on the wire.
 */
import { sumBytes } from '../internet-sum.ts'
import type { Frame, Packet } from '../packet.ts'
import { FRAME_PIECES, type Batch } from './batch.ts'
import { addFragments } from './fragment.ts'
import { fold, writeHeader, writeTemplate, writeUint16 } from './header-template.ts'
import type { Split } from './segment-tcp.ts'

const UDP = 17
const UDP_HEADER_BYTES = 8
const LENGTH = 4
const CHECKSUM = 6

/** Whether segmentUdp() can split it. */
export function isSplittableUdp(packet: Packet): boolean {
  const { transport, packetEnd, protocol } = packet
  if (protocol !== UDP || transport === -1 || packet.isCut) return false
  return transport + UDP_HEADER_BYTES < packetEnd
}

/** Adds the pieces of a frame for which isSplittableUdp() holds; false when there is no room. */
export function segmentUdp(batch: Batch, frame: Frame, packet: Packet, split: Split): boolean {
  const { bytes } = frame
  const { transport, packetEnd } = packet
  const payload = transport + UDP_HEADER_BYTES
  const count = Math.ceil((packetEnd - payload) / split.gsoSize)
  if (count > FRAME_PIECES) return false
  if (!writeTemplate(batch, frame, packet, { transport, end: payload })) return false
  const { template } = batch
  const baseSum = sumTemplate(batch, packet)
  for (let piece = 0; piece < count; piece++) {
    const at = payload + piece * split.gsoSize
    const length = UDP_HEADER_BYTES + Math.min(split.gsoSize, packetEnd - at)
    const header = writeHeader(batch, length, (template.identification + piece) & 0xffff)
    if (header === -1) return false
    const udp = header + template.transport
    const body = { at, length: length - UDP_HEADER_BYTES }
    writeUint16(bytes, udp + LENGTH, length)
    // The length counts twice: in the pseudo-header and in the header.
    const sum = baseSum + length * 2 + sumBytes(bytes, at, at + body.length)
    writeUint16(bytes, udp + CHECKSUM, ~fold(sum) & 0xffff || 0xffff)
    if (!addDatagram(batch, header, body, split.maxFrame)) return false
  }
  return true
}

function addDatagram(
  batch: Batch,
  header: number,
  body: { readonly at: number; readonly length: number },
  maxFrame: number,
): boolean {
  const { length } = batch.template
  if (length - 8 + body.length <= maxFrame)
    return batch.addPiece(header, length, body.at, body.length)
  return addFragments(batch, { header, body: body.at, bodyBytes: body.length }, maxFrame)
}

/** The sum over pseudo-header and UDP header, without what differs per datagram. */
function sumTemplate(batch: Batch, packet: Packet): number {
  const { bytes } = batch.memory
  const udp = batch.template.start + batch.template.transport
  writeUint16(bytes, udp + LENGTH, 0)
  writeUint16(bytes, udp + CHECKSUM, 0)
  const addresses = packet.network + (packet.ipVersion === 4 ? 12 : 8)
  const addressesEnd = packet.network + (packet.ipVersion === 4 ? 20 : 40)
  return UDP + sumBytes(bytes, udp, udp + LENGTH) + sumBytes(bytes, addresses, addressesEnd)
}
