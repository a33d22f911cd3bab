import * as http from 'node:http'
import * as https from 'node:https'
import type { Duplex } from 'node:stream'
import { errnoCodeOf } from '../errors.ts'
import type { KubeTls } from './credentials.ts'

/**
 * Idle time before TCP probes the peer, in milliseconds. libuv then probes each second and gives up
 * after ten, so a peer that is gone without a word is noticed after 30 s.
 */
const TCP_KEEPALIVE_MS = 20_000

/** One HTTP request, ready to be sent. */
export interface Exchange {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly tls: KubeTls
  readonly agent: http.Agent
  readonly signal: AbortSignal
}

/** A pool of kept-alive connections for the protocol of `server`. */
export function createAgent(server: string): http.Agent {
  const Agent = server.startsWith('https:') ? https.Agent : http.Agent
  return new Agent({ keepAlive: true })
}

/**
 * Sends a request and resolves when the answer's head has arrived. A GET is sent a second time when
 * the server had closed the kept-alive connection that was chosen for it: nothing was answered then.
 * Source: https://nodejs.org/api/http.html#requestreusedsocket
 * @throws the error of the connection.
 */
export async function sendRequest(exchange: Exchange): Promise<http.IncomingMessage> {
  try {
    return await sendOnce(exchange)
  } catch (thrown) {
    if (exchange.method === 'GET' && thrown instanceof StaleSocketError) return sendOnce(exchange)
    throw thrown
  }
}

/** A connection that speaks another protocol from now on. */
export interface Upgraded {
  readonly socket: Duplex
  /** What of the new protocol came with the answer. */
  readonly head: Buffer
  readonly headers: http.IncomingHttpHeaders
}

/**
 * Asks to change the protocol; resolves with the connection, or with the answer of a server that does
 * not want to.
 * @throws the error of the connection.
 */
export async function sendUpgrade(exchange: Exchange): Promise<Upgraded | http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded | http.IncomingMessage>()
  const { url, tls, method, headers, signal } = exchange
  const start = url.protocol === 'https:' ? https.request : http.request
  const request = start(url, { method, headers, signal, agent: false, ...tls })
  request.on('upgrade', (response, socket, head) => {
    resolve({ socket, head, headers: response.headers })
  })
  request.on('response', resolve)
  request.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE_MS))
  request.on('error', reject)
  request.end()
  return promise
}

/** The whole body as text. */
export async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** A connection from the pool that the server had closed. */
class StaleSocketError extends Error {}

function sendOnce({ url, body, tls, ...options }: Exchange): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const start = url.protocol === 'https:' ? https.request : http.request
  const request = start(url, { ...options, ...tls })
  request.on('response', resolve)
  request.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE_MS))
  request.on('error', (error) => {
    const stale = request.reusedSocket && errnoCodeOf(error) === 'ECONNRESET'
    reject(stale ? new StaleSocketError(error.message, { cause: error }) : error)
  })
  request.end(body)
  return promise
}
