/** What captured frames say, for comparing what a pod saw with what its sensor got. */
import { createPacket, type Packet } from '../../sidecar/engine/packet.ts'
import { readPacket } from '../../sidecar/engine/read-packet.ts'

/** EtherType for experiments (IEEE 802, "local experimental"): nobody but a test sends it. */
export const TEST_ETHER_TYPE = 0x88b5

/** A frame as text with its TCP or UDP checksum blanked, which a sender may leave half-done. */
export function withoutChecksum(frame: Uint8Array): string {
  const packet = createPacket()
  readPacket({ bytes: frame, start: 0, end: frame.length }, packet)
  const field = checksumField(packet)
  const copy = Uint8Array.from(frame)
  if (field !== -1) copy.fill(0, field, field + 2)
  return Buffer.from(copy).toString('hex')
}

/** Frames as sorted text: two captures hold the same frames when these are equal. */
export function asSet(frames: readonly Uint8Array[]): string[] {
  return frames.map(withoutChecksum).sort()
}

/** The mirrored frames inside VXLAN over unfragmented IPv4: Ethernet 14, IPv4 20, UDP 8, VXLAN 8 bytes. */
export function unwrapped(datagrams: readonly Uint8Array[]): Uint8Array[] {
  return datagrams.map((datagram) => datagram.subarray(50))
}

function checksumField({ protocol, transport }: Packet): number {
  if (transport === -1) return -1
  if (protocol === 6) return transport + 16
  return protocol === 17 ? transport + 6 : -1
}
