/** Serving a certificate that the API server trusts, all the time. */
import { createHash } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import type { KubeClient } from '../../lib/kube/client.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { Logger } from '../../lib/logger.ts'
import type { OwnObjects } from '../config.ts'
import { ReconcileLoop } from '../reconcile-loop.ts'
import { CONFIGURATIONS_PATH, putCaBundle } from './ca-bundle.ts'
import { inspect, type ServingCertificate } from './inspect.ts'
import { serverName } from './issue.ts'
import type { CertificateStore } from './store.ts'

/** What takes the certificate: an https.Server. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void
  closeIdleConnections(): void
}

/** What the keeper works with. */
export interface KeeperDeps {
  readonly client: KubeClient
  readonly own: OwnObjects
  readonly store: CertificateStore
  readonly server: SecureServer
  readonly logger: Logger
}

/** Keeps Secret, caBundle and server together: each minute, and whenever the configuration changes. */
export class CertificateKeeper {
  readonly #deps: KeeperDeps
  readonly #loop: ReconcileLoop
  #fingerprint = ''
  #expiry: Date | undefined

  constructor(deps: KeeperDeps) {
    this.#deps = deps
    this.#loop = new ReconcileLoop({
      reconcile: () => this.#reconcile(),
      onError: (err, failures) => {
        if (failures === 1) deps.logger.error({ err }, 'keeping the certificate fails')
      },
      onRecovered: () => {
        deps.logger.info('keeping the certificate works again')
      },
    })
  }

  /** Whether a certificate is served that the API server was told to trust. */
  get ready(): boolean {
    return this.#expiry !== undefined
  }

  /** When the certificate that is served expires; undefined: none is served. */
  get expiry(): Date | undefined {
    return this.#expiry
  }

  /** Keeps until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#loop.run(signal), this.#watchConfiguration(signal)])
  }

  /** The API server is told whom to trust before it is shown the certificate. */
  async #reconcile(): Promise<void> {
    const { client, own, store, logger } = this.#deps
    const certificate = await store.current()
    const written = await putCaBundle(client, own, certificate.authorities)
    if (written) logger.info({ configuration: own.webhookConfiguration }, 'caBundle written')
    this.#serve(certificate)
  }

  #serve(certificate: ServingCertificate): void {
    const { server, own, logger } = this.#deps
    const { cert, key } = certificate
    const fingerprint = createHash('sha256').update(cert).update(key).digest('hex')
    if (fingerprint === this.#fingerprint) return
    server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' })
    // Kept connections stay with the old certificate: the idle ones are closed, to be opened anew.
    server.closeIdleConnections()
    const { notAfter } = inspect(certificate, { serverName: serverName(own), now: new Date() })
    this.#fingerprint = fingerprint
    this.#expiry = notAfter
    logger.info({ notAfter }, 'certificate served')
  }

  async #watchConfiguration(signal: AbortSignal): Promise<void> {
    const { client, own } = this.#deps
    const fieldSelector = `metadata.name=${own.webhookConfiguration}`
    const trigger = (): void => {
      this.#loop.trigger()
    }
    await watchObjects(
      client,
      { path: CONFIGURATIONS_PATH, fieldSelector, select: () => true },
      { signal, listener: { onChange: trigger, onError: () => undefined, onRecovered: trigger } },
    )
  }
}
