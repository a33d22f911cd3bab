import type { Socket } from 'node:dgram'
import { errnoCodeOf } from '../../lib/errors.ts'
import type { DropReason } from '../contract.ts'
import { completeChecksum } from './checksum.ts'
import { flowHash } from './flow-hash.ts'
import type { DestinationTally, FrameTally } from './frame-tally.ts'
import { createPacket, type Frame } from './packet.ts'
import { readPacket } from './read-packet.ts'
import { bucketOf, spreadFlows } from './spread-flows.ts'
import { MAX_FRAME_BYTES, VXLAN_HEADER_BYTES, writeVxlanHeader } from './vxlan.ts'

/**
 * Most datagrams that may wait for the kernel. Sends are done at once unless the socket's buffer is
 * full; then each waiting one holds 64 KB.
 */
const MAX_WAITING = 128

/** How often one datagram is sent again after answers about earlier ones; more come in meanwhile. */
const MAX_REPEATS = 8

/** What the errors of a send mean. ENOBUFS: the queue of the network device is full. */
const REASONS: Readonly<Record<string, DropReason>> = {
  EMSGSIZE: 'too-long',
  ENOBUFS: 'backlog',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
}

/** The way to one destination. */
export interface Route {
  /** Connected to it, one for each source port; none while there is no way. */
  readonly sockets: readonly Socket[]
  readonly tally: DestinationTally
}

/** A datagram on its way: a VXLAN header that never changes, then room for any frame. */
interface Datagram {
  readonly bytes: Buffer<ArrayBuffer>
  readonly onDone: (error: Error | null) => void
  socket: Socket | undefined
  route: Route | undefined
  length: number
  repeats: number
}

/** Wraps frames and sends them by connected UDP sockets, one of them per flow; counts every one. */
export class FrameSender {
  readonly #vni: number
  readonly #tally: FrameTally
  readonly #packet = createPacket()
  readonly #idle: Datagram[] = []
  #made = 0
  #routes: readonly Route[] = []
  #routeOfBucket = spreadFlows([])
  #refusals = 0
  #onIdle: (() => void) | undefined

  constructor(vni: number, tally: FrameTally) {
    this.#vni = vni
    this.#tally = tally
  }

  /** Sends by `routes` from now on, each flow by one of them; empty: drops (no-sensor). */
  sendBy(routes: readonly Route[]): void {
    this.#routes = routes
    this.#routeOfBucket = spreadFlows(routes.map(({ tally }) => tally.address))
    this.#tally.destinations = routes.map(({ tally }) => tally)
  }

  /**
   * `socket`, which is connected, reported that an earlier datagram was refused. That one is already
   * counted as sent, so the next one that is sent is counted as refused in its place.
   */
  noteRefusal(socket: Socket): void {
    const route = this.#routes.find(({ sockets }) => sockets.includes(socket))
    if (route !== undefined) route.tally.refused += 1
    this.#refusals += 1
  }

  /**
   * Completes the frame's checksum in place, then sends a copy of it: the bytes may change as soon as
   * this returns.
   */
  send(frame: Frame): void {
    const length = frame.end - frame.start
    if (this.#routes.length === 0 || length > MAX_FRAME_BYTES) {
      this.#tally.dropped(this.#routes.length === 0 ? 'no-sensor' : 'too-long')
      return
    }
    readPacket(frame, this.#packet)
    const hash = flowHash(frame, this.#packet)
    const route = this.#routes[this.#routeOfBucket[bucketOf(hash)] ?? 0]
    if (route === undefined || route.sockets.length === 0) {
      this.#drop('unreachable', route)
      return
    }
    const datagram = this.#takeDatagram()
    if (datagram === undefined) {
      this.#tally.dropped('backlog')
      return
    }
    completeChecksum(frame, this.#packet)
    datagram.bytes.set(frame.bytes.subarray(frame.start, frame.end), VXLAN_HEADER_BYTES)
    datagram.length = VXLAN_HEADER_BYTES + length
    datagram.repeats = 0
    datagram.route = route
    datagram.socket = route.sockets[hash % route.sockets.length]
    this.#hand(datagram)
  }

  /** Resolves when no datagram waits for the kernel any more. */
  async flush(): Promise<void> {
    while (this.#idle.length < this.#made) {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      this.#onIdle = () => {
        resolve(undefined)
      }
      await promise
    }
  }

  #hand(datagram: Datagram): void {
    datagram.socket?.send(datagram.bytes, 0, datagram.length, datagram.onDone)
  }

  #takeDatagram(): Datagram | undefined {
    const idle = this.#idle.pop()
    if (idle !== undefined || this.#made === MAX_WAITING) return idle
    this.#made += 1
    return this.#makeDatagram()
  }

  #makeDatagram(): Datagram {
    const bytes = Buffer.from(new ArrayBuffer(VXLAN_HEADER_BYTES + MAX_FRAME_BYTES))
    writeVxlanHeader(bytes, 0, this.#vni)
    const datagram: Datagram = {
      bytes,
      onDone: (error) => {
        this.#finish(datagram, error)
      },
      socket: undefined,
      route: undefined,
      length: 0,
      repeats: 0,
    }
    return datagram
  }

  #finish(datagram: Datagram, error: Error | null): void {
    const reason = error && (REASONS[errnoCodeOf(error) ?? ''] ?? 'send-error')
    if (reason === 'refused' && datagram.socket && datagram.repeats < MAX_REPEATS) {
      // Linux reports here that an earlier datagram was refused, and has not sent this one (udp(7)).
      this.noteRefusal(datagram.socket)
      datagram.repeats += 1
      this.#hand(datagram)
      return
    }
    if (reason === null) this.#countSent(datagram)
    else this.#drop(reason, datagram.route)
    this.#idle.push(datagram)
    this.#onIdle?.()
  }

  #countSent({ length, route }: Datagram): void {
    if (route !== undefined) route.tally.sentFrames += 1
    if (this.#refusals === 0) {
      this.#tally.sent(length)
      return
    }
    this.#refusals -= 1
    this.#tally.dropped('refused')
  }

  #drop(reason: DropReason, route: Route | undefined): void {
    if (reason === 'unreachable' && route !== undefined) route.tally.unreachable += 1
    this.#tally.dropped(reason)
  }
}
