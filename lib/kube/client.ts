import { randomBytes } from 'node:crypto'
import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { startDeadline, type Deadline } from '../deadline.ts'
import { AppError } from '../errors.ts'
import type { KubeCredentials } from './credentials.ts'
import { createAgent, readText, sendRequest, sendUpgrade } from './http-exchange.ts'
import { answerError, KubeError, noAnswerError } from './kube-error.ts'
import { createLineSplitter } from './lines.ts'

/** How long an answer may take, in milliseconds, from the request to its last byte. */
export const REQUEST_TIMEOUT_MS = 15_000

/** Query parameters; those that are undefined are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>

/** What every call may say beside its path. */
export interface CallOptions {
  readonly query?: Query
  readonly signal?: AbortSignal | undefined
  /** How long the answer (of a stream: its beginning) may take; REQUEST_TIMEOUT_MS by default. */
  readonly timeoutMs?: number
}

/** What a request may say. */
export interface RequestOptions extends CallOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON. */
  readonly body?: unknown
  /** Media type of `body`: `application/json` unless a patch needs another. */
  readonly contentType?: string
}

/** A 2xx answer as it came. */
export interface TextAnswer {
  readonly text: string
  readonly headers: IncomingHttpHeaders
}

/** What a stream needs to know. */
export interface StreamOptions extends CallOptions {
  /** How long the stream may be silent, in milliseconds, before it is given up. */
  readonly silenceMs: number
}

/** What is asked of a WebSocket; query parameters may repeat. */
export interface WebSocketOptions {
  readonly query: readonly (readonly [name: string, value: string])[]
  /** Subprotocols, the preferred one first. */
  readonly protocols: readonly string[]
}

/** An open WebSocket: see web-socket-frames.ts for what is to be read and written. */
export interface WebSocketConnection {
  readonly socket: Duplex
  /** What came with the answer; it is to be read first. */
  readonly head: Buffer
  /** The subprotocol that the server has chosen. */
  readonly protocol: string
}

/**
 * A client of the Kubernetes REST API over one pool of kept-alive connections. Objects are what the
 * API sent, as raw JSON: nothing is converted, so nothing that a newer API added is lost. Paths begin
 * with a slash: `/api/v1/namespaces/default/pods`.
 */
export class KubeClient {
  readonly #credentials: KubeCredentials
  readonly #agent: Agent

  constructor(credentials: KubeCredentials) {
    this.#credentials = credentials
    this.#agent = createAgent(credentials.server)
  }

  /**
   * The JSON of a 2xx answer.
   * @throws KubeError for any other answer or none; AppError ERR_KUBE_AUTH when there are no
   * credentials; the signal's reason when it aborts.
   */
  async request(path: string, options: RequestOptions = {}): Promise<unknown> {
    const { text } = await this.exchange(path, options)
    return parseJson(`${options.method ?? 'GET'} ${path}`, text)
  }

  /**
   * The text of a 2xx answer, whatever it is, and its headers: pods answer through the API's proxy in
   * formats of their own, and admission warnings are headers.
   * @throws as request() does.
   */
  async exchange(path: string, options: RequestOptions = {}): Promise<TextAnswer> {
    const call = startCall(options.method ?? 'GET', path, options)
    try {
      const response = await this.#open(call, options)
      return { text: await readText(response), headers: response.headers }
    } catch (thrown) {
      throw this.#explain(call, thrown)
    } finally {
      call.deadline.clear()
    }
  }

  /**
   * The lines of an answer that does not end, in batches as they arrive. The first batch is empty: it
   * says that the server has accepted the request. The stream ends when the server ends it, and also
   * when it was silent for `silenceMs`; its connection is then closed.
   * @throws as request() does, at the beginning and whenever the connection breaks.
   */
  async *lines(path: string, options: StreamOptions): AsyncGenerator<readonly string[], void> {
    const call = startCall('GET', path, options)
    let response: IncomingMessage | undefined
    try {
      response = await this.#open(call, options)
      yield []
      const splitter = createLineSplitter()
      call.deadline.restart(options.silenceMs)
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        call.deadline.restart(options.silenceMs)
        yield splitter.push(chunk)
      }
    } catch (thrown) {
      if (response && call.deadline.expired) return
      throw this.#explain(call, thrown)
    } finally {
      call.deadline.clear()
      response?.destroy()
    }
  }

  /**
   * Opens a WebSocket. The connection is the caller's to read, and to destroy.
   * @throws as request() does where the server does not open it.
   */
  async openWebSocket(path: string, options: WebSocketOptions): Promise<WebSocketConnection> {
    const call = startCall('GET', path, {})
    try {
      return await this.#upgrade(call, options)
    } catch (thrown) {
      throw this.#explain(call, thrown)
    } finally {
      call.deadline.clear()
    }
  }

  /** Closes the idle connections. */
  close(): void {
    this.#agent.destroy()
  }

  async #upgrade(call: Call, { query, protocols }: WebSocketOptions): Promise<WebSocketConnection> {
    const { authorization, tls } = await this.#credentials.read()
    const search = new URLSearchParams(query.map(([name, value]) => [name, value])).toString()
    const answer = await sendUpgrade({
      url: new URL(`${this.#credentials.server}${call.path}?${search}`),
      method: call.method,
      headers: { ...headersOf(authorization, {}), ...webSocketHeaders(protocols) },
      body: undefined,
      tls,
      agent: this.#agent,
      signal: call.deadline.signal,
    })
    if ('socket' in answer && 'head' in answer) {
      const { socket, head, headers } = answer
      return { socket, head, protocol: headers['sec-websocket-protocol'] ?? '' }
    }
    const status = answer.statusCode ?? 0
    throw answerError(subjectOf(call), { status, body: await readText(answer) })
  }

  /** Sends the request; resolves when a 2xx answer has begun. */
  async #open(call: Call, options: RequestOptions): Promise<IncomingMessage> {
    call.deadline.signal.throwIfAborted()
    const { authorization, tls } = await this.#credentials.read()
    const response = await sendRequest({
      url: new URL(this.#credentials.server + call.path + searchOf(options.query)),
      method: call.method,
      headers: headersOf(authorization, options),
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      tls,
      agent: this.#agent,
      signal: call.deadline.signal,
    })
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    const answer = {
      status,
      body: await readText(response),
      retryAfter: response.headers['retry-after'],
    }
    throw answerError(subjectOf(call), answer)
  }

  #explain(call: Call, thrown: unknown): unknown {
    if (call.outer?.aborted) return call.outer.reason
    if (thrown instanceof AppError) return thrown
    const cause: unknown = call.deadline.expired ? call.deadline.signal.reason : thrown
    return noAnswerError(subjectOf(call), this.#credentials.server, cause)
  }
}

/** The request of RFC 6455 §4.1; its key proves nothing that TLS has not proved. */
function webSocketHeaders(protocols: readonly string[]): Record<string, string> {
  return {
    // Of `application/json` alone the API server says that it is not acceptable here.
    accept: '*/*',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-protocol': protocols.join(', '),
  }
}

/** One request under way. */
interface Call {
  readonly method: string
  readonly path: string
  readonly deadline: Deadline
  /** The caller's signal. */
  readonly outer: AbortSignal | undefined
}

function startCall(method: string, path: string, options: CallOptions): Call {
  const deadline = startDeadline(options.timeoutMs ?? REQUEST_TIMEOUT_MS, options.signal)
  return { method, path, deadline, outer: options.signal }
}

/** How messages name a call: without its query, which can be long and says little. */
function subjectOf(call: Call): string {
  return `${call.method} ${call.path}`
}

function headersOf(
  authorization: string | undefined,
  options: RequestOptions,
): Record<string, string> {
  return {
    accept: 'application/json',
    'user-agent': 'podtap',
    ...(authorization === undefined ? {} : { authorization }),
    ...(options.body === undefined
      ? {}
      : { 'content-type': options.contentType ?? 'application/json' }),
  }
}

function searchOf(query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value))
  }
  return params.size === 0 ? '' : `?${params.toString()}`
}

function parseJson(subject: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const begin = JSON.stringify(text.slice(0, 80))
    throw new KubeError(`${subject}: expected JSON from the Kubernetes API, received ${begin}`)
  }
}
