/** Sends a batch, lane by lane, and notes for every frame why (a part of) it was not sent. */
import { DROP_REASONS, type DropReason } from '../../contract.ts'
import type { Batch } from './batch.ts'
import type { UdpLanes } from './lanes.ts'
import { MAX_MESSAGES, MESSAGE_BYTES, type Messages } from './messages.ts'
import * as native from './native.ts'
import { COUNTER } from './ring-options.ts'
import type { Runs } from './runs.ts'

const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

const {
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
} = native.ERRNO

/** errno of a send → reason; any other is a `send-error`. */
const REASON_OF = new Map<number, DropReason>([
  [EAGAIN, 'backlog'],
  [ENOBUFS, 'backlog'],
  [ECONNREFUSED, 'refused'],
  [EMSGSIZE, 'too-long'],
  [EHOSTUNREACH, 'unreachable'],
  [ENETUNREACH, 'unreachable'],
  [ENETDOWN, 'unreachable'],
  // The lane has no socket: connecting it failed for want of a route.
  [EBADF, 'unreachable'],
])

const REFUSED = DROP_REASONS.indexOf('refused')

/** What the kernel says when a run is too long for the path, or when the device cannot cut runs. */
const RUN_REFUSED = new Set<number>([EINVAL, EIO])

/**
 * How often one message is sent again after a refusal of an earlier one. Each attempt takes one noted
 * refusal away; more than one is only there when answers keep coming in.
 */
const MAX_REPEATS = 3

/** The parts that a sender works with. */
export interface SenderParts {
  readonly lanes: UdpLanes
  readonly runs: Runs
  readonly messages: Messages
  /** Room for one message: for what is sent again while the others wait. */
  readonly single: Messages
  readonly counters: Float64Array
}

/** Sends batches. */
export class Sender {
  readonly #lanes: UdpLanes
  readonly #runs: Runs
  readonly #messages: Messages
  readonly #single: Messages
  readonly #counters: Float64Array
  /** Refusals of datagrams that were counted as sent, not yet counted themselves. */
  #refusals = 0

  constructor({ lanes, runs, messages, single, counters }: SenderParts) {
    this.#lanes = lanes
    this.#runs = runs
    this.#messages = messages
    this.#single = single
    this.#counters = counters
  }

  /** Sends all of `batch`, counts it and clears it. Never waits. */
  send(batch: Batch): void {
    if (batch.frames === 0) return
    this.#runs.plan(batch, this.#lanes.maxSegment)
    const { firstRun } = this.#runs
    for (let lane = 0; lane < firstRun.length; lane++) {
      if (firstRun[lane] !== -1) this.#sendLane(batch, lane)
    }
    this.#countFrames(batch)
    batch.clear()
  }

  #sendLane(batch: Batch, lane: number): void {
    const messages = this.#messages
    const runs = this.#runs
    messages.clear()
    for (let run = runs.firstRun[lane] ?? -1; run !== -1; run = runs.next[run] ?? -1) {
      if (!messages.hasRoom(runs.count[run] ?? 0)) this.#flush(batch, lane)
      messages.addRun(batch, runs, run)
    }
    this.#flush(batch, lane)
  }

  #flush(batch: Batch, lane: number): void {
    const messages = this.#messages
    let repeats = 0
    for (let next = 0; next < messages.count;) {
      const sent = this.#call(lane, next)
      if (sent > 0) repeats = 0
      for (let message = next; message < next + sent; message++) {
        this.#countRun(messages.run[message] ?? 0)
      }
      next += sent
      if (next === messages.count) break
      const errno = native.lastErrno()
      if (errno === ECONNREFUSED && repeats++ < MAX_REPEATS) {
        this.#noteRefusal()
        continue
      }
      this.#handleRefusal(batch, lane, messages.run[next] ?? 0, errno)
      next++
    }
    messages.clear()
  }

  /** How many messages from `first` on were sent; when it is not all, errno says why the next was not. */
  #call(lane: number, first: number): number {
    const fd = this.#lanes.fd[lane] ?? -1
    const count = this.#messages.count - first
    const address = this.#messages.addressOf(first)
    let done = 0
    let stoppedShort = false
    while (done < count) {
      const asked = Math.min(count - done, MAX_MESSAGES)
      const at = address + done * MESSAGE_BYTES
      const sent = native.sendmmsg(fd, at, asked, MSG_DONTWAIT | MSG_NOSIGNAL)
      if (sent <= 0) return done
      // sendmmsg(2) keeps the error to itself that ended it early; one that is gone at the next call
      // was a refusal, where the sensor's host is known to refuse.
      if (stoppedShort && this.#lanes.hasRefused) this.#refusals++
      stoppedShort = sent < asked
      done += sent
    }
    return done
  }

  /**
   * Linux says here that an earlier datagram was refused, and has not sent this one (udp(7)). That one
   * is counted as sent already, so one that is sent now is counted as refused in its place.
   */
  #noteRefusal(): void {
    this.#lanes.hasRefused = true
    this.#refusals++
  }

  #handleRefusal(batch: Batch, lane: number, run: number, errno: number): void {
    const refusesRun = RUN_REFUSED.has(errno) && (this.#runs.count[run] ?? 0) > 1
    if (refusesRun || errno === EMSGSIZE) this.#lanes.refresh()
    if (refusesRun) {
      const fits = (this.#runs.size[run] ?? 0) <= (this.#lanes.maxSegment[lane] ?? 0)
      if (fits) this.#lanes.refuseRuns(lane)
      this.#sendSingly(batch, lane, run)
      return
    }
    this.#dropRun(batch, run, REASON_OF.get(errno) ?? 'send-error')
  }

  /** The pieces of a refused run, one by one; what fails now is lost. */
  #sendSingly(batch: Batch, lane: number, run: number): void {
    const single = this.#single
    for (let piece = this.#runs.head[run] ?? -1; piece !== -1;) {
      const following = this.#runs.nextPiece[piece] ?? -1
      single.clear()
      single.addSingle(batch, run, piece)
      const fd = this.#lanes.fd[lane] ?? -1
      if (native.sendmmsg(fd, single.addressOf(0), 1, MSG_DONTWAIT | MSG_NOSIGNAL) === 1) {
        const bytes = (batch.headerBytes[piece] ?? 0) + (batch.bodyBytes[piece] ?? 0)
        this.#add(COUNTER.datagrams, 1)
        this.#add(COUNTER.sentBytes, bytes)
      } else {
        const reason = REASON_OF.get(native.lastErrno()) ?? 'send-error'
        this.#dropPiece(batch, piece, reason)
      }
      piece = following
    }
  }

  #dropRun(batch: Batch, run: number, reason: DropReason): void {
    const { head, nextPiece } = this.#runs
    for (let piece = head[run] ?? -1; piece !== -1; piece = nextPiece[piece] ?? -1) {
      this.#dropPiece(batch, piece, reason)
    }
  }

  #dropPiece(batch: Batch, piece: number, reason: DropReason): void {
    batch.frameProblem[batch.frame[piece] ?? 0] = 1 + DROP_REASONS.indexOf(reason)
  }

  #countRun(run: number): void {
    this.#add(COUNTER.datagrams, this.#runs.count[run] ?? 0)
    this.#add(COUNTER.sentBytes, this.#runs.bytes[run] ?? 0)
  }

  #countFrames(batch: Batch): void {
    let sent = 0
    for (let frame = 0; frame < batch.frames; frame++) {
      const problem = batch.frameProblem[frame] ?? 0
      if (problem === 0) sent++
      else this.#add(COUNTER.firstDrop + problem - 1, 1)
    }
    const refused = Math.min(sent, this.#refusals)
    this.#refusals -= refused
    this.#add(COUNTER.firstDrop + REFUSED, refused)
    this.#add(COUNTER.sentFrames, sent - refused)
  }

  #add(counter: number, amount: number): void {
    this.#counters[counter] = (this.#counters[counter] ?? 0) + amount
  }
}
