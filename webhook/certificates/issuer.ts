/** Making and renewing the certificate, and telling API servers whom to trust: the leader's part. */
import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import type { Logger } from '../../lib/logger.ts'
import type { OwnObjects } from '../config.ts'
import { INTERVAL_MS, ReconcileLoop } from '../reconcile-loop.ts'
import { putCaBundle, readCaBundles } from './ca-bundle.ts'
import { isOwnWork, splitPem, type ServingCertificate } from './inspect.ts'
import { nextStep, type CertificateStep } from './next-step.ts'
import { secretProblem } from './serving.ts'
import type { CertificateSettings } from './settings.ts'
import type { CertificateStore, StoredSecret } from './store.ts'
import { TrustedAuthorities } from './trusted-authorities.ts'

/** What the issuer works with. */
export interface IssuerDeps {
  readonly client: KubeClient
  readonly own: OwnObjects
  readonly store: CertificateStore
  readonly settings: CertificateSettings
  readonly logger: Logger
  /** What this replica serves now. */
  readonly served: () => ServingCertificate | undefined
  /** Called when Secret or caBundle were written. */
  readonly onWritten: () => void
  /** Called when what somebody else changed was put back; a sentence. */
  readonly onRestored: (what: string) => void
  /** The time of now; for tests. */
  readonly now?: () => Date
  /** Random text, another one each time. */
  readonly newSerial: () => string
}

const CHANGED =
  'its caBundle was changed by somebody else and is put back; CERTIFICATE=secret leaves it to you'

/** Keeps Secret and caBundle: each minute, whenever something is due, and whenever they change. */
export class CertificateIssuer {
  readonly #deps: IssuerDeps
  readonly #loop: ReconcileLoop
  readonly #trusted = new TrustedAuthorities()
  #pauseMs = INTERVAL_MS
  /** What was in the caBundle when it was last looked at. */
  #kept: string | undefined
  /** What was served before somebody else's certificate, and until when (monotonic) it stays trusted. */
  #old = { authorities: '', until: 0 }

  constructor(deps: IssuerDeps) {
    const { logger } = deps
    this.#deps = deps
    this.#loop = new ReconcileLoop({
      reconcile: () => this.#reconcile(),
      intervalMs: () => this.#pauseMs,
      onError: (err, failures) => {
        if (failures === 1) logger.error({ err }, 'keeping the certificate fails')
      },
      onRecovered: () => {
        logger.info('keeping the certificate works again')
      },
    })
  }

  /** Asks for another look; without effect while this replica does not lead. */
  trigger(): void {
    this.#loop.trigger()
  }

  /** Keeps until `signal` aborts. With CERTIFICATE=secret there is nothing to keep. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#deps.settings.source !== 'auto') return
    this.#kept = undefined
    await this.#loop.run(signal)
  }

  async #reconcile(): Promise<void> {
    const { own, store, settings, now = () => new Date() } = this.#deps
    this.#trusted.update(await this.#readBundles(), performance.now())
    const secret = await store.read()
    this.#pauseMs = INTERVAL_MS
    const problem = secretProblem({ own, source: settings.source, secret, now: now() })
    if (secret === undefined || secret.ours) {
      const step = await this.#step(secret, now())
      await this.#carryOut(step, secret)
      if (secret && step.write && problem !== undefined) this.#deps.onRestored(problem)
    } else if (problem === undefined) await this.#trust(this.#withOld(secret.content))
    else await this.#trust(this.#deps.served()?.authorities)
  }

  #step(secret: StoredSecret | undefined, now: Date): Promise<CertificateStep> {
    const { own, settings, newSerial } = this.#deps
    const served = this.#deps.served()
    return nextStep(
      {
        stored: secret?.content,
        served: served && isOwnWork(served.cert) ? served : undefined,
        trustedMs: (pem) => this.#trusted.trustedMs(pem, performance.now()),
        now,
      },
      { own, settings, serial: newSerial() },
    )
  }

  /** The API server is told whom to trust before it is shown the certificate: see chooseServed(). */
  async #carryOut(step: CertificateStep, secret: StoredSecret | undefined): Promise<void> {
    const { store, logger, onWritten } = this.#deps
    if (step.write) {
      await store.write(secret, step.write)
      logger.info({ why: step.why }, 'certificate stored')
      onWritten()
    }
    const authorities = step.write?.authorities ?? secret?.content.authorities ?? ''
    this.#pauseMs = step.write ? 0 : Math.min(step.waitMs, INTERVAL_MS)
    await this.#trust(authorities)
  }

  /**
   * The authorities of a certificate that somebody else made, and those of the one that is served until
   * every replica has had the time to replace it: this one may be the first.
   */
  #withOld({ cert, authorities }: ServingCertificate): string {
    const { served, settings } = this.#deps
    const now = performance.now()
    const old = served()
    if (old !== undefined && old.cert !== cert) {
      this.#old = { authorities: old.authorities, until: now + 2 * settings.trustDelayMs }
    }
    const leftMs = this.#old.until - now
    if (leftMs <= 0) return authorities
    this.#pauseMs = Math.min(leftMs, INTERVAL_MS)
    const all = [authorities, this.#old.authorities].flatMap(splitPem)
    return [...new Set(all)].map((pem) => `${pem}\n`).join('')
  }

  async #trust(authorities: string | undefined): Promise<void> {
    if (authorities === undefined) return
    const { client, own, logger, onWritten, onRestored } = this.#deps
    const isWritten = await putCaBundle(client, own, authorities)
    const isRestored = isWritten && this.#kept === authorities
    this.#kept = authorities
    if (!isWritten) return
    const { webhookConfiguration: configuration } = own
    logger.info({ configuration }, 'caBundle written')
    if (isRestored) onRestored(`MutatingWebhookConfiguration ${configuration}: ${CHANGED}`)
    onWritten()
  }

  async #readBundles(): Promise<readonly string[]> {
    const { client, own } = this.#deps
    try {
      return await readCaBundles(client, own)
    } catch (error) {
      // No webhook calls us yet; putCaBundle() says so, after the Secret was made.
      if (error instanceof AppError && !(error instanceof KubeError)) return []
      throw error
    }
  }
}
