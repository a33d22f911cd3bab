/**
 * The internet checksum (RFC 1071), and its completion where the sender left it to a network card.
 *
 * Linux writes only the sum over the pseudo-header into TCP and UDP headers that pass a virtual
 * interface (CHECKSUM_PARTIAL), because no wire can damage them there. A sensor takes such a frame
 * for a damaged one and drops it. The half-done checksum is recognised by its value: the folded sum
 * of the pseudo-header, not complemented.
 *
 *   IPv4 pseudo-header   source(4) destination(4) zero(1) protocol(1) length(2)       (RFC 9293 §3.1)
 *   IPv6 pseudo-header   source(16) destination(16) length(4) zero(3) next header(1)  (RFC 8200 §8.1)
 */
import { foldSum, sumBytes } from './internet-sum.ts'
import { readUint16, type Frame, type Packet } from './packet.ts'

const TCP = 6
const UDP = 17
const TCP_HEADER_BYTES = 20
const UDP_HEADER_BYTES = 8

/**
 * Completes the TCP or UDP checksum of `packet`, in place, if it is the sum of the pseudo-header
 * alone; returns whether it was. All else stays as it is: complete checksums, right or wrong, UDP
 * without one, and fragments. (A wrong one equals the pseudo-header's sum once in 65,536 times and is
 * then replaced by the right one; a right one never changes, since the result is the same number.)
 */
export function completeChecksum(frame: Frame, packet: Packet): boolean {
  if (packet.transport === -1 || packet.isCut) return false
  const field = checksumOffset(packet)
  if (field === -1) return false
  const { bytes } = frame
  if (readUint16(bytes, field) !== pseudoHeaderSum(bytes, packet)) return false
  // The field holds the pseudo-header's share, so the sum over all is the sum that is needed.
  writeChecksum(bytes, field, sumBytes(bytes, packet.transport, packet.packetEnd))
  return true
}

/** Where the checksum of a whole TCP segment or UDP datagram stands; -1 for anything else. */
function checksumOffset(packet: Packet): number {
  const length = packet.packetEnd - packet.transport
  if (packet.protocol === TCP && length >= TCP_HEADER_BYTES) return packet.transport + 16
  if (packet.protocol === UDP && length >= UDP_HEADER_BYTES) return packet.transport + 6
  return -1
}

/** The folded sum; never 0, since the protocol is part of it. */
function pseudoHeaderSum(bytes: Uint8Array, packet: Packet): number {
  const addresses = packet.network + (packet.ipVersion === 4 ? 12 : 8)
  const addressesEnd = packet.network + (packet.ipVersion === 4 ? 20 : 40)
  const length = packet.packetEnd - packet.transport
  return foldSum(sumBytes(bytes, addresses, addressesEnd) + packet.protocol + length)
}

/** A sum of 0 is sent as 0xffff, its other form, since 0 means "none" in UDP (RFC 768). */
function writeChecksum(bytes: Uint8Array, field: number, sum: number): void {
  const checksum = ~sum & 0xffff || 0xffff
  bytes[field] = checksum >>> 8
  bytes[field + 1] = checksum & 0xff
}
