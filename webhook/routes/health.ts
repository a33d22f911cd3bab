/** GET /livez, /readyz and /metrics. */
import type { Registry } from 'prom-client'
import type { HttpApp } from '../http-app.ts'

/** What the webhook still lacks; each entry is a sentence without a full stop. Empty: it is ready. */
export type Readiness = () => readonly string[]

/** What the routes work with. */
export interface HealthDeps {
  readonly readiness: Readiness
  /** What somebody should repair although the webhook is ready, in the same form. */
  readonly warnings: Readiness
  readonly registry: Registry
}

/**
 * Registers the three routes. /livez is 200 as long as the process answers; /readyz is 503, with the
 * reasons, until the webhook can answer reviews and the API server trusts it, and while it drains.
 */
export function registerHealth(app: HttpApp, { readiness, warnings, registry }: HealthDeps): void {
  app.get('/livez', () => ({ live: true }))

  app.get('/readyz', async (_request, reply) => {
    const missing = readiness()
    const ready = missing.length === 0
    const also = warnings().filter((warning) => !missing.includes(warning))
    return reply
      .code(ready ? 200 : 503)
      .send({ ready, missing, ...(also.length > 0 && { warnings: also }) })
  })

  app.get('/metrics', async (_request, reply) => {
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}
