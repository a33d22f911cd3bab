/**
 * A kept-alive HTTP/1.1 connection over TLS that does no more than it must, so that its own work does
 * not hide that of the server: one request at a time, sent as bytes that were made before.
 */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'

const HEAD_END = Buffer.from('\r\n\r\n')

/** An answer. */
export interface Answer {
  readonly status: number
  readonly body: Buffer
}

/** A POST to /mutate, or, without a body, a GET of /readyz. */
export function requestBytes(body?: string): Buffer {
  if (body === undefined) return Buffer.from('GET /readyz HTTP/1.1\r\nHost: webhook\r\n\r\n')
  const length = Buffer.byteLength(body)
  const head = `POST /mutate HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\n`
  return Buffer.from(`${head}Content-Length: ${length}\r\n\r\n${body}`)
}

/** One connection. */
export class Connection {
  readonly #socket: TLSSocket
  #chunks: Buffer[] = []
  #received = 0
  #awaited = Number.POSITIVE_INFINITY
  #headLength = 0
  #settle: { done: (answer: Answer) => void; failed: (error: Error) => void } | undefined

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#onData(chunk)
    })
    const fail = (error: Error = new Error('connection closed')): void =>
      this.#settle?.failed(error)
    socket.on('error', fail)
    socket.on('close', () => {
      fail()
    })
  }

  /** Connects to a port of this host; its certificate is not checked, which costs the client only. */
  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    return new Connection(socket)
  }

  /** Sends a request and resolves with its answer; the one before must have been answered. */
  exchange(request: Buffer): Promise<Answer> {
    this.#chunks = []
    this.#received = 0
    this.#awaited = Number.POSITIVE_INFINITY
    return new Promise((done, failed) => {
      this.#settle = { done, failed }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#settle = undefined
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    if (this.#awaited === Number.POSITIVE_INFINITY) this.#readHead()
    if (this.#received < this.#awaited) return
    const answer = Buffer.concat(this.#chunks)
    const status = Number(answer.subarray(9, 12).toString())
    this.#settle?.done({ status, body: answer.subarray(this.#headLength, this.#awaited) })
  }

  #readHead(): void {
    const start = Buffer.concat(this.#chunks)
    const end = start.indexOf(HEAD_END)
    if (end === -1) return
    const length = /content-length: (\d+)/i.exec(start.subarray(0, end).toString('latin1'))
    this.#headLength = end + HEAD_END.length
    this.#awaited = this.#headLength + Number(length?.[1])
  }
}
