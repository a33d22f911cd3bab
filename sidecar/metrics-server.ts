import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { SidecarMetrics } from './metrics.ts'

/** What the server shows, and where. */
export interface MetricsServerOptions {
  readonly port: number
  /** The address to listen at; undefined: all that there are. */
  readonly address?: string | undefined
  readonly metrics: SidecarMetrics
  /** Whether frames are being captured. Having no sensor is not a reason to be unready. */
  readonly isReady: () => boolean
  readonly log: Logger
}

/** A running server. */
export interface MetricsServer {
  readonly port: number
  close(): Promise<void>
}

/** Scrapers and people need two or three; more would cost memory that belongs to the engine. */
const MAX_CONNECTIONS = 16

/**
 * Serves GET /metrics, /readyz (200 or 503) and /livez (200). The port may be taken, by the
 * application itself for instance: that is logged as a warning and undefined is returned, since
 * mirroring goes on without.
 */
export async function startMetricsServer(
  options: MetricsServerOptions,
): Promise<MetricsServer | undefined> {
  const server = createServer((request, response) => {
    void answer(request.method === 'GET' ? request.url : undefined, response, options)
  })
  server.maxConnections = MAX_CONNECTIONS
  try {
    server.listen({ port: options.port, host: options.address })
    await once(server, 'listening')
  } catch (error) {
    const fields = { port: options.port, reason: messageOf(error) }
    const see = 'see METRICS_PORT and METRICS_ADDRESS'
    options.log.warn(fields, `no metrics: the port cannot be used (${see})`)
    return undefined
  }
  const { port } = server.address() as AddressInfo
  return { port, close: () => close(server) }
}

async function answer(
  url: string | undefined,
  response: ServerResponse,
  { metrics, isReady, log }: MetricsServerOptions,
): Promise<void> {
  switch (url?.split('?')[0]) {
    case '/metrics':
      try {
        send(response, 200, await metrics.render(), metrics.contentType)
      } catch (error) {
        log.error({ reason: messageOf(error) }, 'metrics cannot be read')
        send(response, 500, 'metrics cannot be read\n')
      }
      break
    case '/readyz':
      if (isReady()) send(response, 200, 'capturing\n')
      else send(response, 503, 'not capturing\n')
      break
    case '/livez':
      send(response, 200, 'ok\n')
      break
    default:
      send(response, 404, 'expected GET /metrics, /readyz or /livez\n')
  }
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
