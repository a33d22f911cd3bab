/**
 * What becomes of one captured frame: what the kernel left undone is done (checksum, VLAN tag,
 * segmentation), what is too long for the path is split, and the pieces go to the batch.
 */
import { completeChecksum } from '../checksum.ts'
import { flowHash } from '../flow-hash.ts'
import { sumBytes } from '../internet-sum.ts'
import { createPacket, readUint16, type Frame, type Packet } from '../packet.ts'
import { readPacket } from '../read-packet.ts'
import { VXLAN_HEADER_BYTES } from '../vxlan.ts'
import type { Batch } from './batch.ts'
import { GSO_NONE, GSO_UDP_L4, VLAN_TAG_BYTES, type CapturedFrame } from './captured-frame.ts'
import { crc32c } from './crc32c.ts'
import { fragmentFrame } from './fragment.ts'
import { writeUint16 } from './header-template.ts'
import { isSplittableTcp, segmentTcp, type Split } from './segment-tcp.ts'
import { isSplittableUdp, segmentUdp } from './segment-udp.ts'

const TCP = 6
const SCTP = 132
const MAC_ADDRESSES_BYTES = 12

/** Where frames go to: a lane is one source port towards one destination. */
export interface Lanes {
  /** The lane of a flow, by its hash of 32 bits. */
  laneOf(hash: number): number
  /** Per lane the longest frame that fits the path, wrapped; of longer ones nothing is sent whole. */
  readonly maxFrame: Int32Array
}

const packet: Packet = createPacket()
const split: Split = { maxFrame: 0, gsoSize: 0, checksumIsGood: false }

/**
 * Adds the pieces of `frame` to `batch`, for which batch.hasRoom() must hold; false when the frame
 * neither fits the path nor can be split. The frame is changed in place and must stay where it is
 * until the batch is sent.
 */
export function mirrorFrame(batch: Batch, frame: CapturedFrame, lanes: Lanes): boolean {
  if (frame.vlanTag !== 0) insertVlanTag(frame)
  readPacket(frame, packet)
  const hash = flowHash(frame, packet)
  const lane = lanes.laneOf(hash)
  const firstPiece = batch.pieces
  batch.beginFrame(lane, hash >>> 8)
  if (addFrame(batch, frame, lanes.maxFrame[lane] ?? 0)) return true
  batch.dropFrame(firstPiece)
  return false
}

function addFrame(batch: Batch, frame: CapturedFrame, maxFrame: number): boolean {
  if (frame.gsoType === GSO_NONE && frame.end - frame.start <= maxFrame) {
    return addWhole(batch, frame)
  }
  if (canSegmentTcp(frame)) {
    if (frame.checksum === 'partial-unknown') complete(frame)
    split.maxFrame = maxFrame
    split.gsoSize = frame.gsoSize
    split.checksumIsGood = frame.checksum !== 'done'
    return segmentTcp(batch, frame, packet, split)
  }
  if (frame.gsoType === GSO_UDP_L4 && frame.gsoSize > 0 && isSplittableUdp(packet)) {
    split.maxFrame = maxFrame
    split.gsoSize = frame.gsoSize
    return segmentUdp(batch, frame, packet, split)
  }
  if (frame.end - frame.start <= maxFrame) return addWhole(batch, frame)
  complete(frame)
  return fragmentFrame(batch, frame, packet, maxFrame)
}

/** A partial checksum that begins elsewhere belongs to an inner packet: a tunnel of the application's own. */
function canSegmentTcp(frame: CapturedFrame): boolean {
  const isInner =
    frame.checksum === 'partial' && frame.start + frame.checksumStart !== packet.transport
  return !isInner && packet.protocol === TCP && isSplittableTcp(frame, packet)
}

function addWhole(batch: Batch, frame: CapturedFrame): boolean {
  if (frame.checksum !== 'done') complete(frame)
  const at = frame.start - VXLAN_HEADER_BYTES
  batch.writeVxlan(at)
  return batch.addPiece(at, frame.end - at, 0, 0)
}

/** Does what the sender left to a network card. */
function complete(frame: CapturedFrame): void {
  if (frame.checksum === 'done' || frame.checksum === 'good') return
  repairLength(frame)
  if (frame.checksum === 'partial-unknown') {
    frame.checksum = completeAnywhere(frame) ? 'good' : 'done'
    return
  }
  completeAt(frame, frame.start + frame.checksumStart)
  frame.checksum = 'good'
}

/** Where nobody says what is missing: SCTP has no pseudo-header, its sender writes 0 (sctp_packet_pack()). */
function completeAnywhere(frame: Frame): boolean {
  const { protocol, transport, packetEnd, isCut } = packet
  if (protocol !== SCTP || transport === -1 || isCut) return completeChecksum(frame, packet)
  const field = transport + 8
  if (field + 4 > packetEnd || frame.bytes.subarray(field, field + 4).some(Boolean)) return false
  completeSctp({ ...frame, end: packetEnd }, transport)
  return true
}

function completeAt(frame: CapturedFrame, start: number): void {
  const { bytes, end } = frame
  const field = start + frame.checksumOffset
  if (field + 2 > end) return
  if (packet.protocol === SCTP && start === packet.transport) {
    completeSctp(frame, start)
    return
  }
  // The field holds the pseudo-header's share. 0xffff is the other form of 0, which means "none" in UDP.
  writeUint16(bytes, field, ~sumBytes(bytes, start, end) & 0xffff || 0xffff)
}

/** CRC32c over header and chunks with the field 0, least significant byte first (RFC 9260 §6.8, App. A). */
function completeSctp({ bytes, end }: Frame, start: number): void {
  const field = start + 8
  if (field + 4 > end) return
  bytes.fill(0, field, field + 4)
  const crc = crc32c(bytes, start, end)
  for (let byte = 0; byte < 4; byte++) bytes[field + byte] = crc >>> (8 * byte)
}

/** Linux writes length 0 into packets that a network card shall split; Zeek discards them. */
function repairLength({ bytes, end }: Frame): void {
  const { ipVersion, network } = packet
  if (ipVersion !== 4 || readUint16(bytes, network + 2) !== 0 || end - network > 0xffff) return
  const headerEnd = network + ((bytes[network] ?? 0) & 0x0f) * 4
  if (headerEnd > end) return
  writeUint16(bytes, network + 2, end - network)
  writeUint16(bytes, network + 10, 0)
  writeUint16(bytes, network + 10, ~sumBytes(bytes, network, headerEnd))
}

/** Linux takes the outermost tag out of the frame (skb->vlan_tci): it goes back behind the addresses. */
function insertVlanTag(frame: CapturedFrame): void {
  const { bytes, start, vlanTag } = frame
  if (frame.end - start < MAC_ADDRESSES_BYTES) return
  bytes.copyWithin(start - VLAN_TAG_BYTES, start, start + MAC_ADDRESSES_BYTES)
  frame.start = start - VLAN_TAG_BYTES
  frame.checksumStart += VLAN_TAG_BYTES
  writeUint16(bytes, frame.start + MAC_ADDRESSES_BYTES, vlanTag >>> 16)
  writeUint16(bytes, frame.start + MAC_ADDRESSES_BYTES + 2, vlanTag)
}
