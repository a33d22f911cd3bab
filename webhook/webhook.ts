/** The webhook as a whole: server, caches and controllers, put together. */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { sleep } from '../lib/backoff.ts'
import type { KubeClient } from '../lib/kube/client.ts'
import type { Logger } from '../lib/logger.ts'
import { Certificates, issueForProbes } from './certificates/certificates.ts'
import type { EventReason, WorkloadEvent } from './admission/event.ts'
import { Cluster } from './cluster.ts'
import type { WebhookConfig } from './config.ts'
import { ConfigurationWatch } from './configuration/configuration-watch.ts'
import { Connections } from './connections.ts'
import { createEnabledLoops } from './enabled-loops.ts'
import { EventRecorder } from './events.ts'
import { createMetrics, type WebhookMetrics } from './metrics.ts'
import { NamespaceCache } from './namespaces.ts'
import { Leadership } from './leadership/leadership.ts'
import type { ReconcileLoop } from './reconcile-loop.ts'
import { CoverageController } from './coverage/controller.ts'
import type { HttpApp } from './http-app.ts'
import { buildServer } from './server.ts'

/** A webhook at work. */
export interface RunningWebhook {
  readonly port: number
  /**
   * Ends without losing a review: it stops being ready, asks its clients to go elsewhere, waits until
   * they have heard of it, answers what is under way, and closes. Idempotent.
   */
  stop(): Promise<void>
}

/** What the webhook is made of. */
export interface WebhookDeps {
  readonly config: WebhookConfig
  readonly client: KubeClient
  readonly logger: Logger
}

/** Starts everything; resolves when the server listens. It becomes ready by itself (see /readyz). */
export async function startWebhook(deps: WebhookDeps): Promise<RunningWebhook> {
  const webhook = new Webhook(deps)
  await webhook.listen()
  return webhook
}

class Webhook implements RunningWebhook {
  readonly #deps: WebhookDeps
  readonly #ending = new AbortController()
  /** Aborts before #ending: what drains still answers, and writes no more. */
  readonly #resigning = new AbortController()
  readonly #leadership: Leadership
  readonly #namespaces: NamespaceCache
  readonly #server: HttpApp
  readonly #connections: Connections
  readonly #certificates: Certificates
  readonly #cluster: Cluster
  readonly #events: EventRecorder
  readonly #coverage: CoverageController
  readonly #enabledLoops: readonly ReconcileLoop[]
  readonly #configuration: ConfigurationWatch
  #port = 0
  #work: Promise<unknown> = Promise.resolve()
  #leaderWork: Promise<unknown> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(deps: WebhookDeps) {
    const { config, client, logger } = deps
    this.#deps = deps
    this.#namespaces = new NamespaceCache(client, logger)
    this.#cluster = new Cluster({ client, logger, ...config })
    this.#events = new EventRecorder({ client, logger })
    this.#coverage = new CoverageController({
      client,
      logger,
      namespaces: this.#namespaces,
      directory: this.#cluster,
      events: this.#events,
    })
    this.#namespaces.subscribe(() => {
      this.#coverage.trigger()
    })
    const onRestored = this.#eventOf('Restored')
    this.#enabledLoops = createEnabledLoops({ ...deps, namespaces: this.#namespaces, onRestored })
    const { own, podName } = config
    this.#configuration = new ConfigurationWatch({
      ...deps,
      own,
      enabled: () => this.#namespaces.enabled,
      onChange: () => {
        this.#triggerEnabledLoops()
      },
      onProblem: this.#eventOf('ConfigurationProblem'),
    })
    this.#leadership = new Leadership({
      client,
      logger,
      lease: { namespace: own.namespace, name: own.lease },
      identity: `${podName}_${randomBytes(4).toString('hex')}`,
    })
    this.#server = buildServer({
      installation: config.installation,
      namespaces: this.#namespaces,
      cluster: this.#cluster,
      events: this.#events,
      metrics: this.#createMetrics(),
      logger,
      readiness: () => this.#missing(),
      warnings: () => this.#certificates.problems,
      isDraining: () => this.#stopped !== undefined,
      isOutdated: (socket) => this.#connections.isOld(socket),
    })
    this.#connections = new Connections(this.#server.server)
    this.#certificates = new Certificates({
      ...deps,
      own,
      settings: config.certificates,
      server: this.#server.server,
      onServed: () => {
        this.#connections.renew()
      },
      onProblem: this.#eventOf('CertificateProblem'),
      onRestored,
    })
  }

  get port(): number {
    return this.#port
  }

  async listen(): Promise<void> {
    const { config } = this.#deps
    this.#server.server.setSecureContext(await issueForProbes(config.own))
    await this.#server.listen({ port: config.port, host: anyAddress() })
    this.#port = (this.#server.server.address() as AddressInfo).port
    const { signal } = this.#ending
    const onEnabled = (): void => {
      this.#triggerEnabledLoops()
      this.#configuration.trigger()
    }
    this.#work = Promise.all([
      this.#namespaces.run(onEnabled, signal),
      this.#certificates.run(signal),
      this.#cluster.run(signal),
      this.#events.run(signal),
    ])
    this.#leaderWork = this.#leadership.run(
      (leading) => this.#lead(leading),
      this.#resigning.signal,
    )
  }

  /** Everything that writes to the cluster; `signal` aborts when another replica may do so. */
  async #lead(signal: AbortSignal): Promise<void> {
    const loops = this.#enabledLoops.map((loop) => loop.run(signal))
    if (this.#deps.config.coverage) loops.push(this.#coverage.run(signal))
    await Promise.all([this.#certificates.lead(signal), this.#configuration.run(signal), ...loops])
  }

  #triggerEnabledLoops(): void {
    for (const loop of this.#enabledLoops) loop.trigger()
  }

  /** Records a message as an event of our own pod. */
  #eventOf(reason: EventReason): (message: string) => void {
    return (message) => {
      this.#events.record(ownEvent(this.#deps.config, reason, message))
    }
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    await this.#stopped
  }

  async #stop(): Promise<void> {
    const { config, client, logger } = this.#deps
    logger.info({ drainMs: config.drainMs }, 'draining')
    this.#resigning.abort()
    // The API server goes on calling until the Service's endpoints are updated on its side.
    await Promise.all([sleep(config.drainMs), this.#leaderWork])
    await this.#server.close()
    this.#ending.abort()
    await this.#work
    client.close()
    logger.info('stopped')
  }

  #missing(): readonly string[] {
    return [
      ...(this.#stopped === undefined ? [] : ['the webhook is ending']),
      ...(this.#namespaces.synced ? [] : ['namespaces are not listed yet']),
      ...(this.#cluster.ready ? [] : ['nodes are not listed yet']),
      ...this.#certificates.missing,
    ]
  }

  #createMetrics(): WebhookMetrics {
    return createMetrics({
      enabledNamespaces: () => this.#namespaces.enabled.length,
      namespacesSynced: () => this.#namespaces.synced,
      certificateExpiry: () => this.#certificates.expiry,
      leading: () => this.#leadership.leading,
      problems: () => ({
        certificate: this.#certificates.problems.length,
        configuration: this.#configuration.problems.length,
      }),
      coverage: () => this.#coverage.counts,
    })
  }
}

/** On the pod, where one looks who wonders why it is not ready. */
function ownEvent(
  { own, podName, podUid }: WebhookConfig,
  reason: EventReason,
  message: string,
): WorkloadEvent {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: own.namespace,
    name: podName,
    uid: podUid,
    reason,
    type: 'Warning',
    message,
  }
}

/** `::` takes IPv4 too, but cannot be bound where the kernel has no IPv6 at all. */
function anyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0'
}
