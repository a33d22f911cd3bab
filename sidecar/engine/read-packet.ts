/**
 * Finds the IP packet inside an Ethernet frame. Frames are bytes from strangers and come at up to
 * 100,000 a second: the walk never throws, never reads outside the frame, and allocates nothing.
 *
 *   Ethernet      dst(6) src(6) [ tag(0x8100 | 0x88a8 | 0x9100, tci) ]* type(2) payload
 *   IPv4          version|ihl, tos, total length(2), id(2), flags|fragment(2), ttl, protocol, …
 *   IPv6          version|class|label(4), payload length(2), next header, hop limit, addresses(32)
 */
import { isExtensionHeader, walkExtensionHeaders } from './ipv6-extensions.ts'
import { readUint16, type Frame, type Packet } from './packet.ts'

/** Bytes of two MAC addresses: where the first EtherType stands. */
const ETHER_TYPE_OFFSET = 12
const IPV4_HEADER_BYTES = 20
const IPV6_HEADER_BYTES = 40
const MAX_VLAN_TAGS = 8
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff

/** Fills `packet` with what `frame` holds. `frame` must lie within its bytes. */
export function readPacket(frame: Frame, packet: Packet): void {
  packet.ipVersion = 0
  packet.network = -1
  packet.protocol = -1
  packet.transport = -1
  packet.packetEnd = frame.end
  packet.isFragment = false
  packet.isCut = false
  const network = skipVlanTags(frame, packet)
  if (packet.etherType === 0x0800) readIpv4(frame, packet, network)
  else if (packet.etherType === 0x86dd) readIpv6(frame, packet, network)
}

/** Sets the EtherType and returns where its payload begins. */
function skipVlanTags(frame: Frame, packet: Packet): number {
  let offset = frame.start + ETHER_TYPE_OFFSET
  packet.etherType = 0
  for (let tags = 0; tags <= MAX_VLAN_TAGS && offset + 2 <= frame.end; tags++) {
    packet.etherType = readUint16(frame.bytes, offset)
    if (!isVlanTag(packet.etherType)) return offset + 2
    offset += 4
  }
  return offset
}

/** 802.1Q, 802.1ad (QinQ) and the value that equipment used for QinQ before 802.1ad. */
function isVlanTag(etherType: number): boolean {
  return etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100
}

function readIpv4(frame: Frame, packet: Packet, network: number): void {
  const { bytes, end } = frame
  const versionAndLength = bytes[network] ?? 0
  if (network + IPV4_HEADER_BYTES > end || versionAndLength >>> 4 !== 4) return
  packet.ipVersion = 4
  packet.network = network
  packet.protocol = bytes[network + 9] ?? 0
  packet.isFragment = (readUint16(bytes, network + 6) & MORE_FRAGMENTS_OR_OFFSET) !== 0
  setPacketEnd(frame, packet, readUint16(bytes, network + 2))
  const transport = network + (versionAndLength & 0x0f) * 4
  const isWhole = transport >= network + IPV4_HEADER_BYTES && transport <= packet.packetEnd
  packet.transport = isWhole && !packet.isFragment ? transport : -1
}

function readIpv6(frame: Frame, packet: Packet, network: number): void {
  const { bytes, end } = frame
  if (network + IPV6_HEADER_BYTES > end || (bytes[network] ?? 0) >>> 4 !== 6) return
  packet.ipVersion = 6
  packet.network = network
  packet.protocol = bytes[network + 6] ?? 0
  packet.transport = network + IPV6_HEADER_BYTES
  const payloadLength = readUint16(bytes, network + 4)
  setPacketEnd(frame, packet, payloadLength === 0 ? 0 : IPV6_HEADER_BYTES + payloadLength)
  if (isExtensionHeader(packet.protocol)) walkExtensionHeaders(bytes, packet)
}

/** `length` 0 is what Linux writes into packets over 64 KB (BIG TCP): then all that is carried counts. */
function setPacketEnd(frame: Frame, packet: Packet, length: number): void {
  const claimed = packet.network + length
  packet.isCut = claimed > frame.end
  packet.packetEnd = length === 0 || packet.isCut ? frame.end : claimed
}
