/**
 * A packet socket with a ring of blocks that the kernel fills and we read in place (TPACKET_V3,
 * Documentation/networking/packet_mmap.rst):
 *
 *   block    version(4) offset(4) status(4) packets(4) first packet(4) length(4) sequence(8) …
 *   packet   next(4) sec(4) nsec(4) captured(4) length(4) status(4) mac(2) net(2)
 *            rxhash(4) VLAN TCI(4) TPID(2) pad … | virtio_net_hdr(10) | frame
 *   virtio_net_hdr   flags(1) GSO type(1) header length(2) GSO size(2) checksum start(2) offset(2)
 */
import { GSO_NONE, GSO_TCPV4, HEADROOM_BYTES, type CapturedFrame } from './captured-frame.ts'
import type { Memory } from './memory.ts'

/** Size of the ring and how long a block that is not full waits for more. */
export interface RingSize {
  /** Bytes of a block, a power of two and at least a page; it bounds the longest frame. */
  readonly blockBytes: number
  readonly blocks: number
  readonly retireMs: number
}

const BLOCK_STATUS = 2
const BLOCK_PACKETS = 3
const BLOCK_FIRST = 4
const PACKET_HEADER_BYTES = 48
const VNET_HEADER_BYTES = 10
const PACKET_OUTGOING = 4
const STATUS_KERNEL = 0
const STATUS_USER = 1

const PACKET_CHECKSUM_PARTIAL = 1 << 3
const PACKET_VLAN = 1 << 4
const PACKET_VLAN_TPID = 1 << 6
const PACKET_CHECKSUM_VALID = 1 << 7
const PACKET_GSO_TCP = 1 << 8

const VNET_NEEDS_CHECKSUM = 1
const VNET_CHECKSUM_VALID = 2
const VNET_GSO_ECN = 0x80
const DEFAULT_TPID = 0x8100

/** Reads the blocks of a ring in order. It trusts the kernel for order, and checks every range. */
export class CaptureRing {
  /** Blocks read and not given back yet. */
  heldBlocks = 0
  /** Frames of blocks that made no sense. */
  abandonedFrames = 0
  readonly #memory: Memory
  readonly #start: number
  readonly #size: RingSize
  readonly #hasVnetHeader: boolean
  #block = 0
  /** Where the block that was opened last begins. */
  #opened = 0
  #packet = 0
  #packetsLeft = 0
  #current = 0

  /** Over `memory[start, start + blockBytes * blocks)`. */
  constructor(memory: Memory, start: number, size: RingSize, hasVnetHeader: boolean) {
    this.#memory = memory
    this.#start = start
    this.#size = size
    this.#hasVnetHeader = hasVnetHeader
  }

  /** Whether the kernel has handed over another block; then nextFrame() reads its frames. */
  openBlock(): boolean {
    if (this.heldBlocks === this.#size.blocks) return false
    const at = this.#blockAt(this.#block) >>> 2
    const { words } = this.#memory
    if ((Atomics.load(words, at + BLOCK_STATUS) & STATUS_USER) === 0) return false
    this.#opened = at * 4
    this.#packetsLeft = words[at + BLOCK_PACKETS] ?? 0
    this.#packet = this.#opened + (words[at + BLOCK_FIRST] ?? 0)
    this.#block = (this.#block + 1) % this.#size.blocks
    this.heldBlocks++
    return true
  }

  /** Fills `frame` with the next frame of the block and returns its length on the wire; -1 at the end. */
  nextFrame(frame: CapturedFrame): number {
    if (this.#packetsLeft === 0) return -1
    const { words } = this.#memory
    const packet = this.#packet
    const at = packet >>> 2
    if (!this.#isInBlock(packet, PACKET_HEADER_BYTES)) return this.#abandonBlock()
    const captured = words[at + 3] ?? 0
    frame.start = packet + ((words[at + 6] ?? 0) & 0xffff)
    frame.end = frame.start + captured
    const isTooNear = frame.start < packet + PACKET_HEADER_BYTES + HEADROOM_BYTES
    if (isTooNear || !this.#isInBlock(frame.start, captured)) return this.#abandonBlock()
    this.#describe(frame, at, words[at + 5] ?? 0)
    this.#current = packet
    this.#packetsLeft--
    this.#packet = packet + (words[at] ?? 0)
    return words[at + 4] ?? 0
  }

  /**
   * Where the frame that nextFrame() gave last was seen: a number for its interface and direction. The
   * kernel writes a struct sockaddr_ll behind the packet's header (packet_mmap.rst), which ends where the
   * frame's headroom may begin: ask before the frame is changed.
   */
  place(): number {
    const index = this.#memory.words[(this.#current + PACKET_HEADER_BYTES + 4) >>> 2] ?? 0
    const type = this.#memory.bytes[this.#current + PACKET_HEADER_BYTES + 10] ?? 0
    return index * 2 + (type === PACKET_OUTGOING ? 1 : 0)
  }

  /** Gives all blocks that were read back to the kernel: nothing may use their frames any more. */
  releaseBlocks(): void {
    const { blocks } = this.#size
    for (let held = this.heldBlocks; held > 0; held--) {
      const block = (this.#block - held + blocks) % blocks
      Atomics.store(this.#memory.words, (this.#blockAt(block) >>> 2) + BLOCK_STATUS, STATUS_KERNEL)
    }
    this.heldBlocks = 0
  }

  /** How many blocks wait to be read, 0…blocks. */
  readyBlocks(): number {
    const { blocks } = this.#size
    for (let ready = 0; ready < blocks - this.heldBlocks; ready++) {
      const at = this.#blockAt((this.#block + ready) % blocks) >>> 2
      if ((Atomics.load(this.#memory.words, at + BLOCK_STATUS) & STATUS_USER) === 0) return ready
    }
    return blocks - this.heldBlocks
  }

  #blockAt(block: number): number {
    return this.#start + block * this.#size.blockBytes
  }

  /** Whether `[start, start + length)` lies in the block that was opened last. */
  #isInBlock(start: number, length: number): boolean {
    const end = this.#opened + this.#size.blockBytes
    return length >= 0 && start >= this.#opened && start + length <= end
  }

  /** The kernel never gives a block like this; reading on could leave it. */
  #abandonBlock(): number {
    this.abandonedFrames += this.#packetsLeft
    this.#packetsLeft = 0
    return -1
  }

  #describe(frame: CapturedFrame, at: number, status: number): void {
    const { words } = this.#memory
    const tpid = (status & PACKET_VLAN_TPID) !== 0 ? (words[at + 9] ?? 0) & 0xffff : DEFAULT_TPID
    frame.vlanTag =
      (status & PACKET_VLAN) === 0 ? 0 : (tpid << 16) | ((words[at + 8] ?? 0) & 0xffff)
    if (this.#hasVnetHeader) {
      this.#describeByVnetHeader(frame)
      return
    }
    frame.gsoType = (status & PACKET_GSO_TCP) === 0 ? GSO_NONE : GSO_TCPV4
    frame.gsoSize = 0
    frame.checksum = (status & PACKET_CHECKSUM_VALID) === 0 ? 'done' : 'good'
    if ((status & PACKET_CHECKSUM_PARTIAL) !== 0) frame.checksum = 'partial-unknown'
  }

  #describeByVnetHeader(frame: CapturedFrame): void {
    const { bytes } = this.#memory
    const at = frame.start - VNET_HEADER_BYTES
    const flags = bytes[at] ?? 0
    frame.gsoType = (bytes[at + 1] ?? 0) & ~VNET_GSO_ECN
    frame.gsoSize = readHostUint16(bytes, at + 4)
    frame.checksum = (flags & VNET_CHECKSUM_VALID) === 0 ? 'done' : 'good'
    if ((flags & VNET_NEEDS_CHECKSUM) === 0) return
    frame.checksum = 'partial'
    frame.checksumStart = readHostUint16(bytes, at + 6)
    frame.checksumOffset = readHostUint16(bytes, at + 8)
  }
}

/** virtio_net_hdr of AF_PACKET is in host byte order (vio_le() in net/packet/af_packet.c): little-endian. */
function readHostUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
}
