import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { startDeadline, type Deadline } from '../deadline.ts'
import { AppError } from '../errors.ts'
import type { KubeCredentials } from './credentials.ts'
import { createAgent, readText, sendRequest } from './http-exchange.ts'
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

  /** Closes the idle connections. */
  close(): void {
    this.#agent.destroy()
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
