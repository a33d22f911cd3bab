/** Everything about the webhook's certificate, put together. */
import { randomBytes } from 'node:crypto'
import type { KubeClient } from '../../lib/kube/client.ts'
import type { Logger } from '../../lib/logger.ts'
import type { OwnObjects } from '../config.ts'
import { CertificateIssuer } from './issuer.ts'
import { CertificateKeeper, type SecureServer } from './keeper.ts'
import { issueAuthority, issueCertificate, type KeyPair } from './issue.ts'
import type { CertificateSettings } from './settings.ts'
import { CertificateStore } from './store.ts'

/** What it works with. */
export interface CertificatesDeps {
  readonly client: KubeClient
  readonly logger: Logger
  readonly own: OwnObjects
  readonly settings: CertificateSettings
  readonly server: SecureServer
  /** Called when another certificate is served from now on. */
  readonly onServed: () => void
  /** Called once for each thing that somebody should repair; a sentence. */
  readonly onProblem: (problem: string) => void
  /** Called when the one that leads put back what somebody else had changed; a sentence. */
  readonly onRestored: (what: string) => void
  /** For tests: how long a problem must last before it is told. */
  readonly graceMs?: number
}

/** The certificate of one replica; the replica that leads also makes it. */
export class Certificates {
  readonly #keeper: CertificateKeeper
  readonly #issuer: CertificateIssuer

  constructor(deps: CertificatesDeps) {
    const { client, own } = deps
    const store = new CertificateStore(client, own)
    this.#issuer = new CertificateIssuer({
      ...deps,
      store,
      served: () => this.#keeper.served,
      onWritten: () => {
        this.#keeper.trigger()
      },
      newSerial: () => randomBytes(8).toString('hex'),
    })
    this.#keeper = new CertificateKeeper({
      ...deps,
      store,
      onNews: () => {
        this.#issuer.trigger()
      },
    })
  }

  /** Why the webhook is not ready: sentences; none: what is served chains to the live caBundle. */
  get missing(): readonly string[] {
    if (this.#keeper.ready) return []
    return ['no certificate is served that the API server trusts', ...this.problems]
  }

  /** What somebody should repair, also while an older certificate is served. */
  get problems(): readonly string[] {
    return this.#keeper.problems
  }

  /** When the certificate that is served expires; undefined: none is served. */
  get expiry(): Date | undefined {
    return this.#keeper.expiry
  }

  /** Serves what the Secret holds until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#keeper.run(signal)
  }

  /** Writes Secret and caBundle until `signal` aborts: for the replica that leads. */
  async lead(signal: AbortSignal): Promise<void> {
    await this.#issuer.run(signal)
  }
}

/** A certificate that nobody trusts, for probes (they do not check) until there is the real one. */
export async function issueForProbes(own: OwnObjects): Promise<KeyPair> {
  const validity = { now: new Date(), lifeMs: 24 * 3_600_000 }
  return issueCertificate(await issueAuthority('none', validity), own, validity)
}
