/** The connections of a server, by the certificate that they began with. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * How long a connection of the old certificate may stay idle, in milliseconds. It is not closed at once:
 * a request that is on its way then would be lost, and Go does not repeat a POST. One that has been idle
 * for so long is at the end of the client's pool, which takes the connection that was used last.
 */
const IDLE_MS = 10_000

/**
 * After a change of the certificate, connections that began with the old one end: those in use with
 * their next answer (`Connection: close`), the others when they have been idle for IDLE_MS.
 */
export class Connections {
  readonly #idleMs: number
  readonly #open = new Map<Socket, { readonly generation: number; usedAt: number; busy: number }>()
  #generation = 0
  #sweeping: NodeJS.Timeout | undefined

  constructor(server: Server, idleMs = IDLE_MS) {
    this.#idleMs = idleMs
    server.on('secureConnection', (socket: Socket) => {
      this.#open.set(socket, { generation: this.#generation, usedAt: performance.now(), busy: 0 })
      socket.once('close', () => this.#open.delete(socket))
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#count(request.socket, 1)
      response.once('close', () => {
        this.#count(request.socket, -1)
      })
    })
    server.once('close', () => {
      clearTimeout(this.#sweeping)
    })
  }

  /** From now on, connections that are open already are old. */
  renew(): void {
    this.#generation += 1
    this.#sweep()
  }

  /** Whether a connection began with a certificate that is served no more. */
  isOld(socket: Socket): boolean {
    const known = this.#open.get(socket)
    return known !== undefined && known.generation < this.#generation
  }

  #count(socket: Socket, change: number): void {
    const known = this.#open.get(socket)
    if (known === undefined) return
    known.busy += change
    known.usedAt = performance.now()
  }

  /** Closes old ones that are idle for long enough, again and again while there are any. */
  #sweep(): void {
    clearTimeout(this.#sweeping)
    const now = performance.now()
    const old = [...this.#open].filter(([socket]) => this.isOld(socket))
    for (const [socket, { busy, usedAt }] of old) {
      if (busy === 0 && now - usedAt >= this.#idleMs) socket.end()
    }
    if (old.length === 0) return
    this.#sweeping = setTimeout(() => {
      this.#sweep()
    }, this.#idleMs / 4)
    this.#sweeping.unref()
  }
}
