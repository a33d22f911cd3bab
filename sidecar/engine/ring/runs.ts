/**
 * Groups the pieces of a batch into runs: datagrams of one length that the kernel takes as one
 * (UDP_SEGMENT), which costs a quarter of sending them one by one. The last of a run may be shorter.
 *
 * Pieces of one flow keep their order; flows among each other need none. So a piece may join any run
 * of its length that is not older than the last run of its flow. That makes long runs of mixed sizes,
 * where neighbours alone would make none.
 */
import { BATCH_PIECES, type Batch } from './batch.ts'

/** Most datagrams of one UDP_SEGMENT send (UDP_MAX_SEGMENTS of every kernel that has it). */
const MAX_SEGMENTS = 64

/** Most payload bytes of one UDP_SEGMENT send: what one IPv4 datagram holds. */
const MAX_RUN_BYTES = 65507

/** Flows are told apart by this many values; two that share one only keep their order, too. */
const FLOW_SLOTS = 1024

/** How many runs back a lone, shorter piece may end another run. */
const TAIL_REACH = 12

/** Lengths above this (jumbo frames and more) make no runs. */
const MAX_RUN_SIZE = 9216

/** The runs of a batch, per lane in the order in which they are to be sent. */
export class Runs {
  /** Per run: length of its datagrams, how many, all bytes, first and last piece, next run of the lane (-1: none). */
  readonly size = new Int32Array(BATCH_PIECES)
  readonly count = new Int32Array(BATCH_PIECES)
  readonly bytes = new Int32Array(BATCH_PIECES)
  readonly head = new Int32Array(BATCH_PIECES)
  readonly next = new Int32Array(BATCH_PIECES)
  /** Per piece: the next one of its run (-1: none). */
  readonly nextPiece = new Int32Array(BATCH_PIECES)
  /** Per lane: its first run (-1: none). */
  readonly firstRun: Int32Array
  runs = 0
  readonly #tail = new Int32Array(BATCH_PIECES)
  /** Per run of one piece: the last run of its flow before it (-1: none). */
  readonly #floor = new Int32Array(BATCH_PIECES)
  readonly #lastRun: Int32Array
  /** Per lane and length, and per flow: the latest run, counted over all batches, so that nothing is cleared. */
  readonly #open: Int32Array
  readonly #flowRun = new Int32Array(FLOW_SLOTS)
  readonly #recent = new Int32Array(TAIL_REACH)
  #base = 1
  #pieceBytes = 0

  constructor(lanes: number) {
    this.firstRun = new Int32Array(lanes)
    this.#lastRun = new Int32Array(lanes)
    this.#open = new Int32Array(lanes * (MAX_RUN_SIZE + 1))
  }

  /**
   * Plans a batch anew. `maxSegment` says per lane how long a datagram of a run may be; 0: this lane
   * takes no runs.
   */
  plan(batch: Batch, maxSegment: Int32Array): void {
    this.#begin()
    for (let piece = 0; piece < batch.pieces; piece++) {
      const lane = batch.lane[piece] ?? 0
      const bytes = (batch.headerBytes[piece] ?? 0) + (batch.bodyBytes[piece] ?? 0)
      this.#pieceBytes = bytes
      const longest = Math.min(maxSegment[lane] ?? 0, MAX_RUN_SIZE)
      this.#place(piece, lane, (batch.flow[piece] ?? 0) % FLOW_SLOTS, bytes <= longest)
    }
    for (let lane = 0; lane < this.firstRun.length; lane++) {
      this.#mergeTails(lane, Math.min(maxSegment[lane] ?? 0, MAX_RUN_SIZE))
    }
  }

  #begin(): void {
    this.#base += this.runs
    this.runs = 0
    this.firstRun.fill(-1)
    this.#lastRun.fill(-1)
    if (this.#base < 0x4000_0000) return
    this.#base = 1
    this.#open.fill(0)
    this.#flowRun.fill(0)
  }

  #place(piece: number, lane: number, slot: number, mayJoin: boolean): void {
    const flowRun = (this.#flowRun[slot] ?? 0) - this.#base
    const openAt = mayJoin ? lane * (MAX_RUN_SIZE + 1) + this.#pieceBytes : -1
    const open = mayJoin ? (this.#open[openAt] ?? 0) - this.#base : -1
    let run = open
    if (open >= 0 && open >= flowRun && this.#hasRoom(open)) this.#append(open, piece)
    else {
      run = this.#addRun(lane, piece)
      this.#floor[run] = flowRun
      if (mayJoin) this.#open[openAt] = run + this.#base
    }
    this.#flowRun[slot] = run + this.#base
  }

  #addRun(lane: number, piece: number): number {
    const bytes = this.#pieceBytes
    const run = this.runs++
    this.size[run] = bytes
    this.count[run] = 1
    this.bytes[run] = bytes
    this.head[run] = piece
    this.#tail[run] = piece
    this.next[run] = -1
    this.nextPiece[piece] = -1
    const last = this.#lastRun[lane] ?? -1
    if (last === -1) this.firstRun[lane] = run
    else this.next[last] = run
    this.#lastRun[lane] = run
    return run
  }

  #append(run: number, piece: number): void {
    const bytes = this.#pieceBytes
    this.nextPiece[this.#tail[run] ?? 0] = piece
    this.nextPiece[piece] = -1
    this.#tail[run] = piece
    this.count[run] = (this.count[run] ?? 0) + 1
    this.bytes[run] = (this.bytes[run] ?? 0) + bytes
  }

  #hasRoom(run: number): boolean {
    const bytes = (this.bytes[run] ?? 0) + this.#pieceBytes
    return (this.count[run] ?? 0) < MAX_SEGMENTS && bytes <= MAX_RUN_BYTES
  }

  /** A lone piece ends an earlier run of longer ones, unless its flow has a piece in between. */
  #mergeTails(lane: number, longest: number): void {
    const recent = this.#recent
    recent.fill(-1)
    let before = -1
    for (let run = this.firstRun[lane] ?? -1, seen = 0; run !== -1; run = this.next[run] ?? -1) {
      const host = this.count[run] === 1 ? this.#findHost(run, longest) : -1
      if (host === -1) {
        recent[seen++ % TAIL_REACH] = run
        before = run
        continue
      }
      this.#pieceBytes = this.bytes[run] ?? 0
      this.#append(recent[host] ?? 0, this.head[run] ?? 0)
      recent[host] = -1
      this.next[before] = this.next[run] ?? -1
    }
  }

  /** The index in #recent of a run that `run` may end; -1 when there is none. */
  #findHost(run: number, longest: number): number {
    const size = this.size[run] ?? 0
    const floor = this.#floor[run] ?? 0
    this.#pieceBytes = size
    return this.#recent.findIndex((host) => {
      if (host < floor || host === -1 || !this.#hasRoom(host)) return false
      const hostSize = this.size[host] ?? 0
      return hostSize > size && hostSize <= longest
    })
  }
}
