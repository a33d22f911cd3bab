import type { Socket } from 'node:dgram'
import { errnoCodeOf } from '../../lib/errors.ts'
import type { DropReason } from '../contract.ts'
import { completeChecksum } from './checksum.ts'
import { flowIndex } from './flow-hash.ts'
import type { FrameTally } from './frame-tally.ts'
import { createPacket, type Frame } from './packet.ts'
import { readPacket } from './read-packet.ts'
import { MAX_FRAME_BYTES, VXLAN_HEADER_BYTES, writeVxlanHeader } from './vxlan.ts'

/**
 * Most datagrams that may wait for the kernel. Sends are done at once unless the socket's buffer is
 * full; then each waiting one holds 64 KB.
 */
const MAX_WAITING = 128

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

/** A datagram on its way: a VXLAN header that never changes, then room for any frame. */
interface Datagram {
  readonly bytes: Buffer<ArrayBuffer>
  readonly onDone: (error: Error | null) => void
  socket: Socket | undefined
  length: number
  wasRefused: boolean
}

/** Wraps frames and sends them by connected UDP sockets, one of them per flow; counts every one. */
export class FrameSender {
  readonly #vni: number
  readonly #tally: FrameTally
  readonly #packet = createPacket()
  readonly #idle: Datagram[] = []
  #made = 0
  #sockets: readonly Socket[] = []
  #dropAll: DropReason | undefined = 'no-sensor'
  #refusals = 0
  #onIdle: (() => void) | undefined

  constructor(vni: number, tally: FrameTally) {
    this.#vni = vni
    this.#tally = tally
  }

  /** Sends by `sockets`, which are connected, from now on. */
  sendBy(sockets: readonly Socket[]): void {
    this.#sockets = sockets
    this.#dropAll = undefined
  }

  /** Drops every frame for `reason` from now on. */
  drop(reason: DropReason): void {
    this.#sockets = []
    this.#dropAll = reason
  }

  /**
   * A connected socket reported that an earlier datagram was refused. That one is already counted as
   * sent, so the next one that is sent is counted as refused in its place.
   */
  noteRefusal(): void {
    this.#refusals += 1
  }

  /**
   * Completes the frame's checksum in place, then sends a copy of it: the bytes may change as soon as
   * this returns.
   */
  send(frame: Frame): void {
    const length = frame.end - frame.start
    const reason = this.#dropAll ?? (length > MAX_FRAME_BYTES ? 'too-long' : undefined)
    const datagram = reason === undefined ? this.#takeDatagram() : undefined
    if (datagram === undefined) {
      this.#tally.dropped(reason ?? 'backlog')
      return
    }
    readPacket(frame, this.#packet)
    completeChecksum(frame, this.#packet)
    datagram.bytes.set(frame.bytes.subarray(frame.start, frame.end), VXLAN_HEADER_BYTES)
    datagram.length = VXLAN_HEADER_BYTES + length
    datagram.wasRefused = false
    datagram.socket = this.#sockets[flowIndex(frame, this.#packet, this.#sockets.length)]
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
      length: 0,
      wasRefused: false,
    }
    return datagram
  }

  #finish(datagram: Datagram, error: Error | null): void {
    const reason = error && (REASONS[errnoCodeOf(error) ?? ''] ?? 'send-error')
    if (reason === 'refused' && !datagram.wasRefused) {
      // Linux reports here that an earlier datagram was refused, and has not sent this one (udp(7)).
      this.noteRefusal()
      datagram.wasRefused = true
      this.#hand(datagram)
      return
    }
    if (reason === null) this.#countSent(datagram.length)
    else this.#tally.dropped(reason)
    this.#idle.push(datagram)
    this.#onIdle?.()
  }

  #countSent(bytes: number): void {
    if (this.#refusals === 0) {
      this.#tally.sent(bytes)
      return
    }
    this.#refusals -= 1
    this.#tally.dropped('refused')
  }
}
