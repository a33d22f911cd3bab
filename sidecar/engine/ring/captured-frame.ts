/** A frame as the kernel hands it over, and what it leaves to do. */
import type { Frame } from '../packet.ts'
import { VXLAN_HEADER_BYTES } from '../vxlan.ts'

/** Bytes of an 802.1Q tag. */
export const VLAN_TAG_BYTES = 4

/** The types of super-frames, as in `struct virtio_net_hdr` (linux/virtio_net.h). */
export const GSO_NONE = 0
export const GSO_TCPV4 = 1
export const GSO_TCPV6 = 4
export const GSO_UDP_L4 = 5

/** A captured frame with what the kernel says about it. One object is used again for every frame. */
export interface CapturedFrame extends Frame {
  /**
   * How far the checksum is. `done`: right or wrong, as it was sent; `good`: verified; `partial`: left
   * to a network card; `partial-unknown`: perhaps so, and nobody says where it stands.
   */
  checksum: 'done' | 'good' | 'partial' | 'partial-unknown'
  /** Partial: where the sum begins, from the frame's start, and where from there it is to be written. */
  checksumStart: number
  checksumOffset: number
  gsoType: number
  gsoSize: number
  /** The VLAN tag that the kernel took out: TPID << 16 | TCI; 0 when there was none. */
  vlanTag: number
}

/** Bytes before a frame that mirrorFrame() may overwrite: a VLAN tag and the VXLAN header. */
export const HEADROOM_BYTES = VLAN_TAG_BYTES + VXLAN_HEADER_BYTES

/** A frame for the capture to fill. */
export function createFrame(bytes: Uint8Array): CapturedFrame {
  return {
    bytes,
    start: 0,
    end: 0,
    checksum: 'done',
    checksumStart: 0,
    checksumOffset: 0,
    gsoType: GSO_NONE,
    gsoSize: 0,
    vlanTag: 0,
  }
}
