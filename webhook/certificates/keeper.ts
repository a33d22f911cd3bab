/** Serving a certificate that the API server trusts, all the time, in every replica. */
import type { SecureContextOptions } from 'node:tls'
import { AppError, messageOf } from '../../lib/errors.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { Logger } from '../../lib/logger.ts'
import type { OwnObjects } from '../config.ts'
import { INTERVAL_MS, ReconcileLoop } from '../reconcile-loop.ts'
import { CONFIGURATIONS_PATH, readCaBundles } from './ca-bundle.ts'
import { lifeOf, type ServingCertificate } from './inspect.ts'
import { Problems } from './problems.ts'
import { chooseServed, isTrustedByAll } from './serving.ts'
import type { CertificateSettings } from './settings.ts'
import type { CertificateStore } from './store.ts'
import { TrustedAuthorities } from './trusted-authorities.ts'

/** What takes the certificate: an https.Server. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void
}

/** What the keeper works with. */
export interface KeeperDeps {
  readonly client: KubeClient
  readonly own: OwnObjects
  readonly store: CertificateStore
  readonly settings: CertificateSettings
  readonly server: SecureServer
  readonly logger: Logger
  /** Called when the Secret or the configuration may have changed. */
  readonly onNews: () => void
  /** Called when another certificate is served from now on. */
  readonly onServed: () => void
  /** Called once for each thing that somebody should repair. */
  readonly onProblem: (problem: string) => void
  /** For tests: how long a problem must last before it is told. */
  readonly graceMs?: number
}

/** Serves what the Secret holds; looks each minute, and whenever Secret or configuration change. */
export class CertificateKeeper {
  readonly #deps: KeeperDeps
  readonly #loop: ReconcileLoop
  readonly #problems: Problems
  readonly #trusted = new TrustedAuthorities()
  #bundles: readonly string[] = []
  #served: ServingCertificate | undefined
  #pauseMs = INTERVAL_MS

  constructor(deps: KeeperDeps) {
    const { logger } = deps
    this.#deps = deps
    const listener = {
      onProblem: (problem: string) => {
        logger.error({ problem }, 'the certificate needs attention')
        deps.onProblem(problem)
      },
      onSolved: (problem: string) => {
        logger.info({ problem }, 'solved')
      },
    }
    this.#problems = new Problems(listener, deps.graceMs)
    this.#loop = new ReconcileLoop({
      reconcile: () => this.#reconcile(),
      intervalMs: () => this.#pauseMs,
      onError: (err, failures) => {
        if (failures === 1) logger.error({ err }, 'looking at the certificate fails')
      },
      onRecovered: () => {
        logger.info('looking at the certificate works again')
      },
    })
  }

  /** Whether a certificate is served that the API server was told to trust. */
  get ready(): boolean {
    const now = new Date()
    const { expiry } = this
    if (this.#served === undefined || expiry === undefined || expiry <= now) return false
    return isTrustedByAll(this.#served, { bundles: this.#bundles, now })
  }

  /** When the certificate that is served expires; undefined: none is served. */
  get expiry(): Date | undefined {
    return this.#served && lifeOf(this.#served.cert).notAfter
  }

  /** What is served now. */
  get served(): ServingCertificate | undefined {
    return this.#served
  }

  /** What is wrong with Secret or configuration, in sentences, also while the old one is served. */
  get problems(): readonly string[] {
    return this.#problems.current
  }

  /** Asks for another look. */
  trigger(): void {
    this.#loop.trigger()
  }

  /** Keeps until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { own, store } = this.#deps
    await Promise.all([
      this.#loop.run(signal),
      this.#watch(store.collection, own.tlsSecret, signal),
      this.#watch(CONFIGURATIONS_PATH, own.webhookConfiguration, signal),
    ])
  }

  async #reconcile(): Promise<void> {
    const { own, store, settings } = this.#deps
    const [secret, found] = await Promise.all([store.read(), this.#readBundles()])
    const { bundles } = found
    const now = performance.now()
    this.#trusted.update(bundles, now)
    const choice = chooseServed({
      own,
      settings,
      secret,
      bundles,
      trustedMs: secret ? this.#trusted.trustedMsOf(secret.content.cert, now) : 0,
      served: this.#served,
      now: new Date(),
    })
    this.#bundles = bundles
    if (choice.serve) this.#serve(choice.serve)
    const problems = [choice.problem, found.problem].filter((problem) => problem !== undefined)
    const due = this.#problems.update(problems, now)
    this.#pauseMs = Math.min(due ?? INTERVAL_MS, choice.waitMs ?? INTERVAL_MS)
  }

  async #readBundles(): Promise<{ bundles: readonly string[]; problem: string | undefined }> {
    const { client, own } = this.#deps
    try {
      return { bundles: await readCaBundles(client, own), problem: undefined }
    } catch (error) {
      if (error instanceof KubeError || !(error instanceof AppError)) throw error
      return { bundles: [], problem: messageOf(error) }
    }
  }

  #serve(certificate: ServingCertificate): void {
    const { server, logger, onServed } = this.#deps
    const old = this.#served
    this.#served = certificate
    const { cert, key } = certificate
    if (old?.cert === cert && old.key === key) return
    server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' })
    onServed()
    logger.info({ notAfter: this.expiry }, 'certificate served')
  }

  async #watch(path: string, name: string, signal: AbortSignal): Promise<void> {
    const { client, logger, onNews } = this.#deps
    const onChange = (): void => {
      this.#loop.trigger()
      onNews()
    }
    const onError = (err: unknown, failures: number): void => {
      if (failures === 1) logger.warn({ err }, `watching ${name} fails`)
    }
    const fieldSelector = `metadata.name=${name}`
    await watchObjects(
      client,
      { path, fieldSelector, select: () => true },
      { signal, listener: { onChange, onError, onRecovered: onChange } },
    )
  }
}
