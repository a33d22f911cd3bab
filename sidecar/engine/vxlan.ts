/**
 * The VXLAN header (RFC 7348 §5), which stands between the UDP header and the mirrored frame:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |R|R|R|R|I|R|R|R|            Reserved                           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                VXLAN Network Identifier (VNI) |   Reserved    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Bytes of a VXLAN header. */
export const VXLAN_HEADER_BYTES = 8

/**
 * The largest frame, in bytes, that one datagram carries: an IPv4 packet holds 65,535 bytes, of
 * which IPv4 takes 20, UDP 8 and VXLAN 8.
 */
export const MAX_FRAME_BYTES = 65535 - 20 - 8 - VXLAN_HEADER_BYTES

/** The I flag: the VNI is valid. All other flags are reserved. */
const VNI_IS_VALID = 0x08

/** What a VXLAN header says. */
export interface VxlanHeader {
  /** All eight flags; 0x08 in a well-formed header. */
  readonly flags: number
  /** VXLAN network identifier, 0…16777215. */
  readonly vni: number
  /** Whether every reserved bit is zero; Suricata discards a frame where one is not. */
  readonly reservedIsZero: boolean
}

/**
 * Writes a header to `target[offset, offset + 8)`, which must exist, with every reserved bit zero.
 * `vni` is 0…16777215.
 */
export function writeVxlanHeader(target: Uint8Array, offset: number, vni: number): void {
  target[offset] = VNI_IS_VALID
  target[offset + 1] = 0
  target[offset + 2] = 0
  target[offset + 3] = 0
  target[offset + 4] = vni >>> 16
  target[offset + 5] = (vni >>> 8) & 0xff
  target[offset + 6] = vni & 0xff
  target[offset + 7] = 0
}

/** Reads the header that `datagram` begins with; undefined when it is shorter than one. */
export function readVxlanHeader(datagram: Uint8Array): VxlanHeader | undefined {
  if (datagram.length < VXLAN_HEADER_BYTES) return undefined
  const view = new DataView(datagram.buffer, datagram.byteOffset, VXLAN_HEADER_BYTES)
  const flags = view.getUint8(0)
  const reserved = (flags & ~VNI_IS_VALID) | (view.getUint32(0) & 0xffffff) | view.getUint8(7)
  return { flags, vni: view.getUint32(4) >>> 8, reservedIsZero: reserved === 0 }
}
