/**
 * A Kubernetes API server that answers from a script: it speaks the list and watch protocol over real
 * sockets and misbehaves on demand.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** Answers one request. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** A running server. */
export interface KubeServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  /** What was asked, in order: `GET /api/v1/pods?limit=2`. */
  readonly requests: readonly string[]
  /** The Authorization header of each request. */
  readonly authorizations: readonly (string | undefined)[]
  /** How many connections were accepted. */
  readonly connections: number
  /** Resolves when `count` requests have arrived. */
  requested(count: number): Promise<void>
  /** Answers that further requests get, one each; the last one answers all that follow. */
  script(...answers: readonly Answer[]): void
  /** Resets all connections and stops listening. */
  stop(): Promise<void>
}

/** Starts a server on `port`; 0 chooses one. */
export async function startKubeServer(port = 0): Promise<KubeServer> {
  const requests: string[] = []
  const authorizations: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let answers: Answer[] = [status(500, 'nothing scripted')]
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`)
    authorizations.push(request.headers.authorization)
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    answer?.(response, request)
    server.emit('podtap-request')
  })
  server.on('connection', (socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await listen(server, port)
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    requests,
    authorizations,
    get connections() {
      return connections
    },
    requested: async (count) => {
      while (requests.length < count) await once(server, 'podtap-request')
    },
    script: (...next) => {
      answers = [...next]
    },
    stop: () => stop(server, sockets),
  }
}

/** A page of a list. `more` is the token of the next page. */
export function list(
  objects: readonly object[],
  page: { readonly version: string; readonly more?: string },
): Answer {
  const metadata = { resourceVersion: page.version, ...(page.more && { continue: page.more }) }
  return json(200, { kind: 'List', apiVersion: 'v1', metadata, items: objects })
}

/** An answer with a Status object, as the API server gives for errors. */
export function status(
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code }
  return json(code, body, headers)
}

/** An answer with a JSON body. */
export function json(code: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

/** How a watch ends. `hold`: not at all, until the client leaves; `reset`: by a TCP reset. */
export type WatchEnd = 'hold' | 'end' | 'reset'

/** A watch that sends `events` at once. */
export function watch(events: readonly object[], end: WatchEnd = 'hold'): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('')
    if (end === 'end') response.end(text)
    else response.write(text, () => end === 'reset' && response.socket?.resetAndDestroy())
  }
}

/** A connection that is reset instead of answered. */
export const reset: Answer = (response) => {
  response.socket?.resetAndDestroy()
}

/** No answer at all, for as long as the client waits. */
export const silence: Answer = () => undefined

/** An object with a name and a version; `fields` are put beside the metadata. */
export function object(name: string, version: string, fields: object = {}): object {
  return { metadata: { name, namespace: 'default', resourceVersion: version }, ...fields }
}

/** An event of a watch. */
export function event(type: string, changed: object): object {
  return { type, object: changed }
}

/** The event that carries nothing but the version up to which a watch has seen everything. */
export function bookmark(version: string): object {
  return event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: version } })
}

/** The event by which a watch reports an error. */
export function errorEvent(code: number, message: string): object {
  return event('ERROR', { kind: 'Status', status: 'Failure', message, code })
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

async function stop(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  for (const socket of sockets) socket.resetAndDestroy()
  await closed
}
