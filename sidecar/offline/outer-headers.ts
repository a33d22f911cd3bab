/**
 * What stands around a mirrored frame in a capture file: Ethernet, IPv4 and UDP between two made-up
 * hosts, so that every reader of captures decodes it.
 *
 *   Ethernet(14)   02:00:00:00:00:01 → 02:00:00:00:00:02, IPv4
 *   IPv4(20)       192.0.2.1 → 192.0.2.2 (TEST-NET-1, RFC 5737), DF
 *   UDP(8)         source port by flow → 4789, checksum 0 (RFC 7348 §5)
 */
import { VXLAN_PORT } from '../contract.ts'
import { sumBytes } from '../engine/internet-sum.ts'
import { OWN_HOP_LIMIT } from '../engine/own-packets.ts'
import { DEFAULT_SOURCE_PORTS } from '../engine/ring/ring-options.ts'

/** Bytes of IPv4 and UDP before the payload: what of an MTU is not left for it. */
export const IP_UDP_BYTES = 28

const ETHERNET_BYTES = 14
const UDP = 17
const DONT_FRAGMENT = 0x4000
const FIRST_SOURCE_PORT = 65528

/** The whole frame around `payload`; the ports are those that the engine takes first. */
export function wrapDatagram(payload: Uint8Array, flowHash: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ETHERNET_BYTES + IP_UDP_BYTES + payload.length)
  const view = new DataView(frame.buffer)
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00])
  view.setUint8(14, 0x45)
  view.setUint16(16, IP_UDP_BYTES + payload.length)
  view.setUint16(20, DONT_FRAGMENT)
  view.setUint8(22, OWN_HOP_LIMIT)
  view.setUint8(23, UDP)
  frame.set([192, 0, 2, 1, 192, 0, 2, 2], 26)
  view.setUint16(24, ~sumBytes(frame, 14, 34))
  view.setUint16(34, FIRST_SOURCE_PORT + (flowHash % DEFAULT_SOURCE_PORTS))
  view.setUint16(36, VXLAN_PORT)
  view.setUint16(38, 8 + payload.length)
  frame.set(payload, ETHERNET_BYTES + IP_UDP_BYTES)
  return frame
}
