/**
 * What is to be sent next, as a list of pieces. A piece becomes the payload of one datagram and lies
 * in up to two places: a header that was written anew, and bytes of the captured frame where they
 * are. Plain typed arrays, filled again and again: nothing is allocated per frame.
 */
import { VXLAN_HEADER_BYTES, writeVxlanHeader } from '../vxlan.ts'
import { createTemplate, type Template } from './template.ts'
import type { Memory } from './memory.ts'

/** Most pieces of one batch. */
export const BATCH_PIECES = 4096

/** Most pieces of one frame: 512 KB (the largest that Linux builds) at 536 bytes, the least usual segment. */
export const FRAME_PIECES = 1024

/** Most frames of one batch. */
export const BATCH_FRAMES = 4096

/** Memory for new headers. */
export const HEADER_BYTES = 640 * 1024

/** Most header bytes of one frame: a batch with less left is sent before the next frame is looked at. */
const FRAME_HEADER_BYTES = 256 * 1024

/** The longest header that is copied in front of a piece; a frame with a longer one is not split. */
export const MAX_HEADER_BYTES = 256

/** The pieces of the frames since the last clear(). */
export class Batch {
  readonly memory: Memory
  /** Offsets into the memory and lengths, per piece; a header of length 0 does not exist, nor a body. */
  readonly header = new Int32Array(BATCH_PIECES)
  readonly headerBytes = new Int32Array(BATCH_PIECES)
  readonly body = new Int32Array(BATCH_PIECES)
  readonly bodyBytes = new Int32Array(BATCH_PIECES)
  /** To which destination and source port the piece goes. */
  readonly lane = new Int32Array(BATCH_PIECES)
  /** A hash of the flow: pieces that have it in common keep their order. */
  readonly flow = new Int32Array(BATCH_PIECES)
  /** Which frame of the batch the piece is of. */
  readonly frame = new Int32Array(BATCH_PIECES)
  /** Per frame: its lane. */
  readonly frameLane = new Uint16Array(BATCH_FRAMES)
  /** Per frame: 0, or 1 + the index of the reason why (a part of) it was not sent. */
  readonly frameProblem = new Uint8Array(BATCH_FRAMES)
  pieces = 0
  frames = 0
  /** Identification of IP packets that are fragmented here and had none of their own. */
  fragmentId = 0
  #lane = 0
  #flow = 0
  /** The header of the pieces of the frame in work. */
  readonly template: Template = createTemplate()
  readonly #vni: number
  readonly #vxlan: Int32Array
  readonly #headersStart: number
  readonly #headersEnd: number
  #nextHeader: number

  /** New headers are written to `memory[headersStart, headersStart + HEADER_BYTES)`. */
  constructor(memory: Memory, headersStart: number, vni: number) {
    const vxlan = new Uint8Array(VXLAN_HEADER_BYTES)
    writeVxlanHeader(vxlan, 0, vni)
    this.#vxlan = new Int32Array(vxlan.buffer)
    this.memory = memory
    this.#vni = vni
    this.#headersStart = headersStart
    this.#headersEnd = headersStart + HEADER_BYTES
    this.#nextHeader = headersStart
  }

  /** Whether another frame of any size has room. */
  hasRoom(): boolean {
    return (
      this.pieces + FRAME_PIECES <= BATCH_PIECES &&
      this.frames < BATCH_FRAMES &&
      this.#nextHeader + FRAME_HEADER_BYTES <= this.#headersEnd
    )
  }

  /** Starts the next frame; the pieces that follow are its own. */
  beginFrame(lane: number, flow: number): void {
    this.#lane = lane
    this.#flow = flow
    this.frameLane[this.frames] = lane
    this.frameProblem[this.frames] = 0
    this.frames++
  }

  /** Takes back the frame that beginFrame() started, with its pieces from `firstPiece` on. */
  dropFrame(firstPiece: number): void {
    this.pieces = firstPiece
    this.frames--
  }

  /** Room for a new header, at a multiple of 4; -1 when the frame has used up its share. */
  allocateHeader(length: number): number {
    const at = this.#nextHeader
    const next = at + ((length + 3) & ~3)
    if (next > this.#headersEnd) return -1
    this.#nextHeader = next
    return at
  }

  /** Writes the VXLAN header to `[at, at + 8)`. */
  writeVxlan(at: number): void {
    const { words, bytes } = this.memory
    if ((at & 3) !== 0) {
      writeVxlanHeader(bytes, at, this.#vni)
      return
    }
    words[at >>> 2] = this.#vxlan[0] ?? 0
    words[(at >>> 2) + 1] = this.#vxlan[1] ?? 0
  }

  /** Adds a piece of the current frame: `[header, +headerBytes)` and `[body, +bodyBytes)` of the memory. */
  addPiece(header: number, headerBytes: number, body: number, bodyBytes: number): boolean {
    const piece = this.pieces
    if (piece >= BATCH_PIECES) return false
    this.header[piece] = header
    this.headerBytes[piece] = headerBytes
    this.body[piece] = body
    this.bodyBytes[piece] = bodyBytes
    this.lane[piece] = this.#lane
    this.flow[piece] = this.#flow
    this.frame[piece] = this.frames - 1
    this.pieces = piece + 1
    return true
  }

  /** Forgets everything. */
  clear(): void {
    this.pieces = 0
    this.frames = 0
    this.#nextHeader = this.#headersStart
  }
}
