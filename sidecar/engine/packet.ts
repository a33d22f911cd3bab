/** A captured frame and the IP packet inside it, as the frame code hands them around. */

/** A frame: `bytes[start, end)`. One object may be used again for every frame. */
export interface Frame {
  bytes: Uint8Array
  start: number
  end: number
}

/** What readPacket() found. Offsets are indexes of `Frame.bytes`; one object may be used again. */
export interface Packet {
  /** EtherType after all VLAN tags; 0 when the frame is too short to have one. */
  etherType: number
  /** 4 or 6 when a whole, fixed IP header is there; else 0 and none of what follows means anything. */
  ipVersion: 0 | 4 | 6
  /** Where the IP header begins. */
  network: number
  /** Upper-layer protocol: 6 TCP, 17 UDP … */
  protocol: number
  /** Where the upper-layer header begins; -1 in a fragment and where the headers before it are broken. */
  transport: number
  /** Where the IP packet ends (Ethernet padding lies behind it), never outside the frame. */
  packetEnd: number
  /** Whether it is a part of an IP packet, be it the first, a middle or the last one. */
  isFragment: boolean
  /** Whether the IP header claims more bytes than the frame carries. */
  isCut: boolean
}

/** A packet for readPacket() to fill, again and again. */
export function createPacket(): Packet {
  return {
    etherType: 0,
    ipVersion: 0,
    network: -1,
    protocol: -1,
    transport: -1,
    packetEnd: -1,
    isFragment: false,
    isCut: false,
  }
}

/** The 16-bit number in network byte order at `offset`, which must lie within `bytes`. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
}
