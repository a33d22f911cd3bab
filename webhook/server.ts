/** The webhook as an HTTP server. */
import type { Socket } from 'node:net'
import Fastify, { LogController, type FastifyError } from 'fastify'
import { AppError, messageOf } from '../lib/errors.ts'
import type { HttpApp } from './http-app.ts'
import { registerHealth, type Readiness } from './routes/health.ts'
import { registerMutate, type MutateDeps } from './routes/mutate.ts'

/**
 * Largest body accepted, in bytes: a review of an UPDATE carries two objects of up to 3 MiB (etcd's
 * limit of 1.5 MiB, doubled for JSON) and 1 MiB of envelope. Source: controller-runtime,
 * pkg/webhook/admission/http.go, maxRequestSize.
 */
export const MAX_REVIEW_BYTES = 7 * 1024 * 1024

/**
 * The API server keeps idle connections for 90 s (Go's http.DefaultTransport): a server that closed
 * them earlier would now and then close one at the moment at which it is used again.
 */
const KEEP_ALIVE_MS = 90_000

/** A client that takes longer for its headers is none of ours. Source: controller-runtime, 32 s. */
const HEADERS_TIMEOUT_MS = 32_000

/** What the server works with. */
export interface ServerDeps extends MutateDeps {
  readonly readiness: Readiness
  /** True once the process was told to end: connections are then given up one answer at a time. */
  readonly isDraining: () => boolean
  /** Whether a connection began with a certificate that is served no more. */
  readonly isOutdated: (socket: Socket) => boolean
  /** What is wrong although the webhook is ready, in sentences. */
  readonly warnings: () => readonly string[]
}

/**
 * Builds the app; it does not listen. It has no certificate until app.server.setSecureContext() gives
 * it one.
 */
export function buildServer(deps: ServerDeps): HttpApp {
  const app = Fastify({
    https: {},
    loggerInstance: deps.logger,
    // A line per decision says more than two per request.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_REVIEW_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
  })
  app.server.headersTimeout = HEADERS_TIMEOUT_MS
  addJsonParser(app)
  addErrorHandler(app, deps)
  app.addHook('onSend', async (request, reply) => {
    const leave = deps.isDraining() || deps.isOutdated(request.raw.socket)
    if (leave) reply.header('connection', 'close')
    return Promise.resolve()
  })
  registerMutate(app, deps)
  const { readiness, warnings, metrics } = deps
  registerHealth(app, { readiness, warnings, registry: metrics.registry })
  return app
}

/**
 * Plain JSON.parse: Fastify's own parser refuses bodies with a key `__proto__`, and a review must be
 * answered whatever keys somebody gave to an annotation.
 */
function addJsonParser(app: HttpApp): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(body.toString()))
    } catch (error) {
      done(new AppError('ERR_REVIEW', `body: expected JSON: ${messageOf(error)}`))
    }
  })
}

function addErrorHandler(app: HttpApp, { metrics, logger }: ServerDeps): void {
  app.setErrorHandler((error: FastifyError | AppError, request, reply) => {
    const status = error instanceof AppError ? 400 : (error.statusCode ?? 500)
    if (status >= 500) {
      logger.error({ err: error, url: request.url }, 'request failed')
      return reply.code(status).send({ message: 'internal error' })
    }
    logger.warn({ url: request.url, status, message: error.message }, 'request refused')
    metrics.countReview({ decision: 'refused', reason: 'malformed-review' })
    return reply.code(status).send({ code: 'ERR_REVIEW', message: error.message })
  })
}
