/**
 * The arguments of sendmmsg(2), written straight into memory:
 *
 *   mmsghdr(64)   name(8) name length(4) pad(4) iovec pointer(8) iovec count(8)
 *                 control pointer(8) control length(8) flags(4) pad(4) | sent bytes(4) pad(4)
 *   iovec(16)     pointer(8) length(8)
 *   control(24)   cmsghdr: length(8) level(4) type(4) | size of a segment(2) pad(6)     (udp(7))
 */
import type { Batch } from './batch.ts'
import { writePointer, type Memory } from './memory.ts'
import type { Runs } from './runs.ts'

/** Most messages of one sendmmsg(2); the kernel takes no more (UIO_MAXIOV). */
export const MAX_MESSAGES = 1024

/** Most pieces that the messages of one call hold. */
export const MAX_MESSAGE_PIECES = 4096

/** Bytes of a struct mmsghdr. */
export const MESSAGE_BYTES = 64
const IOVEC_BYTES = 16
const CONTROL_BYTES = 24
const CONTROL_LENGTH = 18
const SOL_UDP = 17
const UDP_SEGMENT = 103

/** Memory that Messages needs for so many messages with so many pieces. */
export function messagesBytes(messages: number, pieces: number): number {
  return messages * (MESSAGE_BYTES + CONTROL_BYTES) + pieces * 2 * IOVEC_BYTES
}

/** The messages of one call. */
export class Messages {
  /** How many there are. */
  count = 0
  /** Per message the run that it carries. */
  readonly run: Int32Array
  readonly #messages: number
  readonly #pieces: number
  readonly #memory: Memory
  readonly #start: number
  readonly #controls: number
  readonly #vectors: number
  #vector = 0

  /**
   * Writes to `memory[start, start + messagesBytes(messages, pieces))`, which must be zero; `start`
   * is a multiple of 8.
   */
  constructor(memory: Memory, start: number, messages: number, pieces: number) {
    this.#memory = memory
    this.#start = start
    this.#messages = messages
    this.#pieces = pieces
    this.run = new Int32Array(messages)
    this.#controls = start + messages * MESSAGE_BYTES
    this.#vectors = this.#controls + messages * CONTROL_BYTES
    for (let message = 0; message < messages; message++) {
      const at = (this.#controls + message * CONTROL_BYTES) >>> 2
      memory.words[at] = CONTROL_LENGTH
      memory.words[at + 2] = SOL_UDP
      memory.words[at + 3] = UDP_SEGMENT
    }
  }

  /** The address of message `index`, for sendmmsg(2). */
  addressOf(index: number): number {
    return this.#memory.address + this.#start + index * MESSAGE_BYTES
  }

  clear(): void {
    this.count = 0
    this.#vector = 0
  }

  /** Whether a run of `pieces` has room. */
  hasRoom(pieces: number): boolean {
    return this.count < this.#messages && this.#vector + 2 * pieces <= 2 * this.#pieces
  }

  /** Adds a run as one message, segmented by the kernel if it has more than one piece. */
  addRun(batch: Batch, runs: Runs, run: number): void {
    const first = this.#vector
    for (let piece = runs.head[run] ?? -1; piece !== -1; piece = runs.nextPiece[piece] ?? -1) {
      this.#addPiece(batch, piece)
    }
    this.#addMessage(run, first, (runs.count[run] ?? 0) > 1 ? (runs.size[run] ?? 0) : 0)
  }

  /** Adds one piece of a run as a message of its own. */
  addSingle(batch: Batch, run: number, piece: number): void {
    const first = this.#vector
    this.#addPiece(batch, piece)
    this.#addMessage(run, first, 0)
  }

  #addPiece(batch: Batch, piece: number): void {
    const body = batch.bodyBytes[piece] ?? 0
    this.#addVector(batch.header[piece] ?? 0, batch.headerBytes[piece] ?? 0)
    if (body !== 0) this.#addVector(batch.body[piece] ?? 0, body)
  }

  #addVector(offset: number, length: number): void {
    const at = (this.#vectors + this.#vector * IOVEC_BYTES) >>> 2
    writePointer(this.#memory, at, offset)
    this.#memory.words[at + 2] = length
    this.#vector++
  }

  #addMessage(run: number, firstVector: number, segment: number): void {
    const message = this.count++
    const { words } = this.#memory
    const at = (this.#start + message * MESSAGE_BYTES) >>> 2
    writePointer(this.#memory, at + 4, this.#vectors + firstVector * IOVEC_BYTES)
    words[at + 6] = this.#vector - firstVector
    const control = this.#controls + message * CONTROL_BYTES
    if (segment === 0) words.fill(0, at + 8, at + 12)
    else {
      writePointer(this.#memory, at + 8, control)
      words[at + 10] = CONTROL_BYTES
      words[(control >>> 2) + 4] = segment
    }
    this.run[message] = run
  }
}
