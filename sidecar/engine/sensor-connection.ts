import type { Socket } from 'node:dgram'
import { promisify } from 'node:util'
import { errnoCodeOf } from '../../lib/errors.ts'
import type { Destination } from './engine.ts'
import type { FrameSender } from './frame-sender.ts'
import type { SourcePorts } from './source-ports.ts'

/** How long to wait before a destination without a route is tried again. */
const RETRY_MS = 1000

/**
 * Connects the source ports to the destination of the moment. Connected sockets look nothing up per
 * datagram, keep their route, and learn of ICMP errors.
 */
export class SensorConnection {
  readonly #ports: SourcePorts
  readonly #sender: FrameSender
  #connected: readonly Socket[] = []
  #turn: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined

  constructor(ports: SourcePorts, sender: FrameSender) {
    this.#ports = ports
    this.#sender = sender
    for (const socket of [...ports.ipv4, ...ports.ipv6]) {
      socket.on('error', (error) => {
        if (errnoCodeOf(error) === 'ECONNREFUSED') sender.noteRefusal()
      })
    }
  }

  /** Sends to `destination` from now on; undefined: drops. Resolves when that is so; never rejects. */
  setDestination(destination: Destination | undefined): Promise<void> {
    clearTimeout(this.#retry)
    this.#turn = this.#turn.then(() => this.#connect(destination))
    return this.#turn
  }

  /** Closes all sockets. */
  async close(): Promise<void> {
    await this.setDestination(undefined)
    for (const socket of [...this.#ports.ipv4, ...this.#ports.ipv6]) socket.close()
  }

  async #connect(destination: Destination | undefined): Promise<void> {
    this.#disconnect()
    if (destination === undefined) {
      this.#sender.drop('no-sensor')
      return
    }
    const sockets = destination.family === 4 ? this.#ports.ipv4 : this.#ports.ipv6
    try {
      await this.#connectAll(sockets, destination)
      this.#sender.sendBy(sockets)
    } catch {
      // There is no route, or no IPv6: its frames are counted, and the route may come.
      this.#sender.drop('unreachable')
      this.#retry = setTimeout(() => void this.setDestination(destination), RETRY_MS)
    }
  }

  async #connectAll(sockets: readonly Socket[], { port, address }: Destination): Promise<void> {
    if (sockets.length === 0) throw new Error('no sockets of this family')
    const connected: Socket[] = []
    this.#connected = connected
    for (const socket of sockets) {
      await promisify<number, string>(socket.connect.bind(socket))(port, address)
      connected.push(socket)
    }
  }

  #disconnect(): void {
    for (const socket of this.#connected) socket.disconnect()
    this.#connected = []
  }
}
