/**
 * The headers between an IPv6 header and its upper layer (RFC 8200 §4). All begin with the type of
 * the header that follows:
 *
 *   options, routing, …   next header(1) length in 8-byte units, less 1 (1) …
 *   authentication        next header(1) length in 4-byte units, less 2 (1) …     (RFC 4302 §2.2)
 *   fragment              next header(1) reserved(1) offset(13 bits)|res(2)|M(1) id(4)
 */
import { readUint16, type Packet } from './packet.ts'

const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const AUTHENTICATION = 51
const DESTINATION_OPTIONS = 60
const MOBILITY = 135
const HOST_IDENTITY = 139
const SHIM6 = 140

const FRAGMENT_HEADER_BYTES = 8
/** No real packet has more; without a limit a hostile one would cost thousands of steps. */
const MAX_HEADERS = 16
const OFFSET_OR_MORE_FRAGMENTS = 0xfff9

/** Whether `nextHeader` announces one of the headers that walkExtensionHeaders() passes. */
export function isExtensionHeader(nextHeader: number): boolean {
  switch (nextHeader) {
    case HOP_BY_HOP:
    case ROUTING:
    case FRAGMENT:
    case AUTHENTICATION:
    case DESTINATION_OPTIONS:
    case MOBILITY:
    case HOST_IDENTITY:
    case SHIM6:
      return true
    default:
      return false
  }
}

/**
 * Moves `packet.protocol` and `packet.transport` from the first extension header to the upper layer.
 * In a fragment, and where a header is broken, `transport` becomes -1.
 */
export function walkExtensionHeaders(bytes: Uint8Array, packet: Packet): void {
  for (let count = 0; isExtensionHeader(packet.protocol); count++) {
    const next = packet.transport + headerBytes(bytes, packet)
    if (count === MAX_HEADERS || next > packet.packetEnd) {
      packet.transport = -1
      return
    }
    if (packet.protocol === FRAGMENT) noteFragment(bytes, packet)
    packet.protocol = bytes[packet.transport] ?? 0
    packet.transport = next
    if (packet.isFragment) {
      packet.transport = -1
      return
    }
  }
}

/** The length of the header at `packet.transport`; more than is left when it does not fit. */
function headerBytes(bytes: Uint8Array, packet: Packet): number {
  const { transport, packetEnd, protocol } = packet
  if (transport + 2 > packetEnd) return packetEnd
  if (protocol === FRAGMENT) return FRAGMENT_HEADER_BYTES
  const length = bytes[transport + 1] ?? 0
  return protocol === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8
}

/** A fragment header with neither offset nor successor is a whole packet (RFC 6946, "atomic"). */
function noteFragment(bytes: Uint8Array, packet: Packet): void {
  packet.isFragment = (readUint16(bytes, packet.transport + 2) & OFFSET_OR_MORE_FRAGMENTS) !== 0
}
