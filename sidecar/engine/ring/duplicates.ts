/**
 * Finds the copies of a packet that passes several interfaces of a node: its veth, a bridge, the
 * uplink. A packet is known by its bytes from the IP header on, without what changes on the way (hop
 * limit, header checksum) or differs by whether a network card is to finish it (TCP's and UDP's checksum).
 */
import { readUint16, type Frame, type Packet } from '../packet.ts'

/** How many packets are remembered; of more the oldest are forgotten, and their copies sent. */
const SLOTS = 1 << 16

/** Places where a packet may be remembered, by its hash. */
const WAYS = 4

/** Milliseconds for which it is: longer than a queue of the node holds a packet. */
const WINDOW_MS = 1000

/** Bytes that are compared from the IP header on, and at the end: headers, and the beginning of the payload. */
const HEAD_BYTES = 96
const TAIL_BYTES = 16

const TCP = 6
const UDP = 17

/**
 * Remembers where a packet was seen first. Seen there again it is another packet with the same bytes
 * (a retransmission, say) and no copy: only what is seen elsewhere is. So one that is lost in here can
 * only be one that was sent.
 */
export class LocalDuplicates {
  readonly #first = new Int32Array(SLOTS)
  readonly #second = new Int32Array(SLOTS)
  readonly #place = new Int32Array(SLOTS)
  readonly #until = new Float64Array(SLOTS)
  #hash = 0
  #check = 0

  /**
   * Whether `frame` is a copy of one that was seen at another place. `place` is any number for an
   * interface and a direction; `now` are milliseconds of a clock that does not go back.
   */
  isCopy(frame: Frame, packet: Packet, sight: Sight): boolean {
    this.#hashPacket(frame, packet)
    const known = this.#find(sight.now)
    if (known !== -1 && this.#place[known] !== sight.place) return true
    this.#remember(known === -1 ? this.#oldest() : known, sight)
    return false
  }

  /** Where the packet is remembered; -1: it is not, or no longer. */
  #find(now: number): number {
    for (let way = 0; way < WAYS; way++) {
      const slot = (this.#hash + way) & (SLOTS - 1)
      const isSame = this.#first[slot] === this.#hash && this.#second[slot] === this.#check
      if (isSame && (this.#until[slot] ?? 0) > now) return slot
    }
    return -1
  }

  /** Which of the packet's places is forgotten first. */
  #oldest(): number {
    let oldest = this.#hash & (SLOTS - 1)
    for (let way = 1; way < WAYS; way++) {
      const slot = (this.#hash + way) & (SLOTS - 1)
      if ((this.#until[slot] ?? 0) < (this.#until[oldest] ?? 0)) oldest = slot
    }
    return oldest
  }

  #remember(slot: number, { place, now }: Sight): void {
    this.#first[slot] = this.#hash
    this.#second[slot] = this.#check
    this.#place[slot] = place
    this.#until[slot] = now + WINDOW_MS
  }

  #hashPacket(frame: Frame, packet: Packet): void {
    this.#hash = 0x9747b28c | 0
    this.#check = packet.etherType
    const isIp = packet.ipVersion !== 0
    const start = isIp ? packet.network : frame.start
    const end = isIp ? packet.packetEnd : frame.end
    this.#mix(end - start)
    const headEnd = Math.min(end, start + HEAD_BYTES)
    const checksum = isIp ? checksumAt(packet) : -1
    for (let at = start; at + 1 < headEnd; at += 2) {
      if (at !== checksum)
        this.#mix(readUint16(frame.bytes, at) & maskAt(at - start, packet.ipVersion))
    }
    for (let at = Math.max(headEnd, end - TAIL_BYTES); at < end; at++)
      this.#mix(frame.bytes[at] ?? 0)
  }

  /** One round each of two multiplicative hashes: together 64 bits. */
  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x5bd1e995)
    this.#hash ^= this.#hash >>> 15
    this.#check = (Math.imul(this.#check, 31) + value) | 0
  }
}

/** Where and when a packet is seen. */
export interface Sight {
  readonly place: number
  readonly now: number
}

/** What routers leave alone of the 16 bits at `offset` of an IP header: not the hop limit, nor IPv4's checksum. */
function maskAt(offset: number, ipVersion: 0 | 4 | 6): number {
  if (ipVersion === 4) return offset === 8 ? 0x00ff : offset === 10 ? 0 : 0xffff
  return ipVersion === 6 && offset === 6 ? 0xff00 : 0xffff
}

/** Where the checksum of TCP or UDP is; -1: there is none of these. */
function checksumAt({ transport, protocol }: Packet): number {
  if (transport === -1) return -1
  if (protocol === TCP) return transport + 16
  return protocol === UDP ? transport + 6 : -1
}
