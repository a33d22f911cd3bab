/** Sends a batch, lane by lane, and notes for every frame why (a part of) it was not sent. */
import { DROP_REASONS, type DropReason } from '../../contract.ts'
import { MAX_DESTINATIONS } from '../engine.ts'
import type { Batch } from './batch.ts'
import { awaitDeparture, LONGEST_WAIT_MS } from './departure.ts'
import type { ErrorQueue } from './error-queue.ts'
import type { UdpLanes } from './lanes.ts'
import { MAX_MESSAGES, MESSAGE_BYTES, type Messages } from './messages.ts'
import * as native from './native.ts'
import { COUNTER, destinationCounter } from './ring-options.ts'
import type { Runs } from './runs.ts'

const FLAGS = 0x4040 // MSG_DONTWAIT | MSG_NOSIGNAL
const MSG_MORE = 0x8000

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
  EPROTO,
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

/** Kinds of outcome of a frame: sent, or one of the reasons. */
const TALLY = 1 + DROP_REASONS.length

const UNREACHABLE = DROP_REASONS.indexOf('unreachable')

/**
 * What a send may answer on account of an earlier datagram (an ICMP error about it has come meanwhile);
 * the one at hand is not sent then (udp(7)).
 */
const LATE = new Set<number>([ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EMSGSIZE, EPROTO])

/** What the kernel says when a run is too long for the path, or when the device cannot cut runs. */
const RUN_REFUSED = new Set<number>([EINVAL, EIO])

/**
 * How often one message is sent again after answers about earlier ones. Each attempt takes one away;
 * more are only there while answers keep coming in.
 */
const MAX_REPEATS = 3

/** The parts that a sender works with. */
export interface SenderParts {
  readonly lanes: UdpLanes
  readonly errors: ErrorQueue
  readonly runs: Runs
  readonly messages: Messages
  /** Room for one message: for what is sent again while the others wait. */
  readonly single: Messages
  readonly counters: Float64Array
}

/** Sends batches. */
export class Sender {
  readonly #lanes: UdpLanes
  readonly #errors: ErrorQueue
  readonly #runs: Runs
  readonly #messages: Messages
  readonly #single: Messages
  readonly #counters: Float64Array
  /** Per reason: datagrams that were counted as sent and turned out to be lost; not yet counted as such. */
  readonly #late = new Int32Array(DROP_REASONS.length)
  /** Per destination and reason (0: sent), frames of one batch. */
  readonly #tally = new Int32Array(MAX_DESTINATIONS * TALLY)

  constructor({ lanes, errors, runs, messages, single, counters }: SenderParts) {
    this.#lanes = lanes
    this.#errors = errors
    this.#runs = runs
    this.#messages = messages
    this.#single = single
    this.#counters = counters
  }

  /** Sends all of `batch`, counts it and clears it. Waits only for the first datagram to a destination. */
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

  /** Reads what became of datagrams sent by now, on all lanes. */
  noteErrors(): void {
    for (let lane = 0; lane < this.#lanes.count; lane++) this.#noteErrorsOf(lane)
  }

  #sendLane(batch: Batch, lane: number): void {
    const messages = this.#messages
    const runs = this.#runs
    messages.clear()
    for (let run = runs.firstRun[lane] ?? -1; run !== -1; run = runs.next[run] ?? -1) {
      if (!messages.hasRoom(runs.count[run] ?? 0)) this.#flush(batch, lane)
      messages.addRun(batch, runs, run)
      if (this.#lanes.untried.size > 0) this.#tryTarget(batch, lane)
    }
    this.#flush(batch, lane)
  }

  /** Sends what is there ahead of the rest, if nothing went to this destination before. */
  #tryTarget(batch: Batch, lane: number): void {
    if (!this.#lanes.untried.delete(this.#lanes.targetIndexOf(lane))) return
    this.#flush(batch, lane)
    const share = LONGEST_WAIT_MS / this.#lanes.targets.length
    awaitDeparture(this.#lanes.fd[lane] ?? -1, performance.now() + share)
  }

  #flush(batch: Batch, lane: number): void {
    const messages = this.#messages
    for (let next = 0; next < messages.count;) {
      const sent = this.#call(lane, next)
      for (let message = next; message < next + sent; message++) {
        this.#countRun(messages.run[message] ?? 0)
      }
      next += sent
      if (next === messages.count) break
      this.#handleRefusal(batch, lane, messages.run[next] ?? 0, native.lastErrno())
      next++
    }
    messages.clear()
  }

  /** How many messages from `first` on were sent; when it is not all, errno says why the next was not. */
  #call(lane: number, first: number): number {
    const count = this.#messages.count - first
    const address = this.#messages.addressOf(first)
    const isWhole = this.#lanes.wholeChecksum[lane] === 1
    for (let done = 0, repeats = 0; done < count;) {
      const asked = isWhole ? 1 : Math.min(count - done, MAX_MESSAGES)
      const sent = this.#callOnce(lane, address + done * MESSAGE_BYTES, asked)
      if (sent > 0) {
        // sendmmsg(2) keeps the error to itself that ended it early.
        if (sent < asked) this.#noteErrorsOf(lane)
        done += sent
        repeats = 0
      } else if (!this.#isLate(lane, repeats++)) return done
    }
    return count
  }

  /** sendmmsg(2): how many were sent, or -1 with errno when the first was not. */
  #callOnce(lane: number, address: number, count: number): number {
    const fd = this.#lanes.fd[lane] ?? -1
    if (this.#lanes.wholeChecksum[lane] !== 1) return native.sendmmsg(fd, address, count, FLAGS)
    // Linux leaves the checksum of a datagram to the interface unless it is put together piece by
    // piece (ip6_append_data()), which MSG_MORE announces; the second call adds nothing and sends it.
    if (native.sendmmsg(fd, address, 1, FLAGS | MSG_MORE) !== 1) return -1
    return native.sendNothing(fd, 0, 0, FLAGS) === 0 ? 1 : -1
  }

  /** Whether the errno of a send may be about an earlier datagram, so that another attempt is due. */
  #isLate(lane: number, repeats: number): boolean {
    const errno = native.lastErrno()
    const noted = this.#noteErrorsOf(lane)
    const isLate = LATE.has(errno) && repeats < (noted > 0 ? MAX_REPEATS : 1)
    if (!isLate) native.setErrno(errno)
    return isLate
  }

  /** Returns how many notes about earlier datagrams there were. */
  #noteErrorsOf(lane: number): number {
    const fd = this.#lanes.fd[lane] ?? -1
    const slot = this.#lanes.targets[this.#lanes.targetIndexOf(lane)]?.slot ?? 0
    let mtuErrors = 0
    const late = this.#errors.drain(fd, (errno, isLocal) => {
      if (errno === EMSGSIZE) mtuErrors++
      if (isLocal) return
      const reason = REASON_OF.get(errno) ?? 'send-error'
      const place = DROP_REASONS.indexOf(reason)
      this.#late[place] = (this.#late[place] ?? 0) + 1
      if (reason === 'refused' || reason === 'unreachable') {
        this.#add(destinationCounter(slot, reason), 1)
      }
    })
    if (mtuErrors > 0) {
      this.#add(COUNTER.pathMtuErrors, mtuErrors)
      this.#lanes.refresh()
    }
    return late
  }

  #handleRefusal(batch: Batch, lane: number, run: number, errno: number): void {
    const refusesRun = RUN_REFUSED.has(errno) && (this.#runs.count[run] ?? 0) > 1
    if (refusesRun) {
      this.#lanes.refresh()
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
      if (this.#callSingle(lane)) {
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

  #callSingle(lane: number): boolean {
    for (let repeats = 0; this.#callOnce(lane, this.#single.addressOf(0), 1) !== 1; repeats++) {
      if (!this.#isLate(lane, repeats)) return false
    }
    return true
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
    const tally = this.#tally.fill(0)
    for (let frame = 0; frame < batch.frames; frame++) {
      const at =
        this.#lanes.targetIndexOf(batch.frameLane[frame] ?? 0) * TALLY +
        (batch.frameProblem[frame] ?? 0)
      tally[at] = (tally[at] ?? 0) + 1
    }
    let sent = 0
    for (const [index, { slot }] of this.#lanes.targets.entries()) {
      sent += this.#countTarget(slot, tally.subarray(index * TALLY, (index + 1) * TALLY))
    }
    this.#add(COUNTER.sentFrames, sent - this.#takeLate(sent))
  }

  /** Counts what became of the frames for one destination; returns how many were sent. */
  #countTarget(slot: number, tally: Int32Array): number {
    const sent = tally[0] ?? 0
    for (let problem = 1; problem < TALLY; problem++) {
      this.#add(COUNTER.firstDrop + problem - 1, tally[problem] ?? 0)
    }
    this.#add(destinationCounter(slot, 'sent'), sent)
    this.#add(destinationCounter(slot, 'unreachable'), tally[1 + UNREACHABLE] ?? 0)
    return sent
  }

  /** Frames that were lost late are counted in the place of some that are sent now; returns of how many. */
  #takeLate(sent: number): number {
    let taken = 0
    for (const [reason, frames] of this.#late.entries()) {
      const now = Math.min(sent - taken, frames)
      this.#late[reason] = frames - now
      this.#add(COUNTER.firstDrop + reason, now)
      taken += now
    }
    return taken
  }

  #add(counter: number, amount: number): void {
    this.#counters[counter] = (this.#counters[counter] ?? 0) + amount
  }
}
