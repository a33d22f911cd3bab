import type { Socket } from 'node:dgram'
import { promisify } from 'node:util'
import { errnoCodeOf } from '../../lib/errors.ts'
import type { Destination } from './engine.ts'
import type { FrameSender, Route } from './frame-sender.ts'
import { tallyOf, type DestinationTally } from './frame-tally.ts'
import type { SourcePorts } from './source-ports.ts'

/** How long to wait before destinations without a route are tried again. */
const RETRY_MS = 1000

/** Opens sockets at the same ports again, for another destination. */
export type OpenSiblings = (family: 4 | 6) => Promise<readonly Socket[]>

/**
 * Connects the source ports to the destinations of the moment. Connected sockets look nothing up per
 * datagram, keep their route, and learn of ICMP errors; so every destination has sockets of its own.
 */
export class SensorConnection {
  readonly #sender: FrameSender
  readonly #openSiblings: OpenSiblings
  /** Per family those of the first destination, of the second … */
  readonly #sockets: Readonly<Record<4 | 6, (readonly Socket[])[]>>
  readonly #connected = new Set<Socket>()
  #tallies: readonly DestinationTally[] = []
  #turn: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined

  constructor(ports: SourcePorts, sender: FrameSender, openSiblings: OpenSiblings) {
    this.#sender = sender
    this.#openSiblings = openSiblings
    this.#sockets = { 4: [ports.ipv4], 6: [ports.ipv6] }
    this.#listen([...ports.ipv4, ...ports.ipv6])
  }

  /** Sends to `destinations` from now on; empty: drops. Resolves when that is so; never rejects. */
  setDestinations(destinations: readonly Destination[]): Promise<void> {
    clearTimeout(this.#retry)
    this.#turn = this.#turn.then(() => this.#connectAll(destinations))
    return this.#turn
  }

  /** Closes all sockets. */
  async close(): Promise<void> {
    await this.setDestinations([])
    for (const socket of [...this.#sockets[4], ...this.#sockets[6]].flat()) socket.close()
  }

  async #connectAll(destinations: readonly Destination[]): Promise<void> {
    // Opened before anything is disconnected: frames that come meanwhile still have their way.
    await this.#openEnough(destinations)
    this.#disconnect()
    const known = new Map(this.#tallies.map((tally) => [tally.address, tally]))
    const routes: Route[] = []
    for (const [index, destination] of destinations.entries()) {
      const tally = known.get(destination.address) ?? tallyOf(destination.address)
      routes.push({ sockets: await this.#connect(destination, index), tally })
    }
    this.#tallies = routes.map(({ tally }) => tally)
    this.#sender.sendBy(routes)
    if (routes.every(({ sockets }) => sockets.length > 0)) return
    // There is no route, or no IPv6: its frames are counted, and the route may come.
    this.#retry = setTimeout(() => void this.setDestinations(destinations), RETRY_MS)
  }

  async #openEnough(destinations: readonly Destination[]): Promise<void> {
    for (const [index, { family }] of destinations.entries()) {
      const ofFamily = this.#sockets[family]
      while (ofFamily.length <= index) {
        const siblings = await this.#openSiblings(family).catch(() => [])
        ofFamily.push(siblings)
        this.#listen(siblings)
      }
    }
  }

  /** The sockets that are connected now; none when there is no way to it. */
  async #connect(
    { family, address, port }: Destination,
    index: number,
  ): Promise<readonly Socket[]> {
    const sockets = this.#sockets[family][index] ?? []
    try {
      for (const socket of sockets) {
        await promisify<number, string>(socket.connect.bind(socket))(port, address)
        this.#connected.add(socket)
      }
      return sockets
    } catch {
      return []
    }
  }

  #disconnect(): void {
    for (const socket of this.#connected) socket.disconnect()
    this.#connected.clear()
  }

  #listen(sockets: readonly Socket[]): void {
    for (const socket of sockets) {
      socket.on('error', (error) => {
        if (errnoCodeOf(error) === 'ECONNREFUSED') this.#sender.noteRefusal(socket)
      })
    }
  }
}
