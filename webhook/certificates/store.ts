/** The Secret that holds the certificate: all replicas serve what it says. */
import type { KubeClient } from '../../lib/kube/client.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { textAt, type JsonObject } from '../admission/json.ts'
import type { OwnObjects } from '../config.ts'
import { decodeSecret, encodeSecret, isOurs, MANAGED_BY, type StoredCertificate } from './secret.ts'

/** One version of the Secret. */
export interface StoredSecret {
  readonly content: StoredCertificate
  /** Whether podtap made it, and may therefore replace it. */
  readonly ours: boolean
  readonly resourceVersion: string
}

/** Reads and writes the Secret. */
export class CertificateStore {
  readonly #client: KubeClient
  readonly #own: OwnObjects

  constructor(client: KubeClient, own: OwnObjects) {
    this.#client = client
    this.#own = own
  }

  /** Where the API lists Secrets of the namespace. */
  get collection(): string {
    return `/api/v1/namespaces/${this.#own.namespace}/secrets`
  }

  /** What is stored now; undefined: there is no Secret. @throws KubeError. */
  async read(): Promise<StoredSecret | undefined> {
    try {
      const secret = await this.#client.request(`${this.collection}/${this.#own.tlsSecret}`)
      const resourceVersion = textAt(secret, 'metadata', 'resourceVersion')
      return { content: decodeSecret(secret), ours: isOurs(secret), resourceVersion }
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    }
  }

  /**
   * Creates the Secret, or replaces the version `old` of it.
   * @throws KubeError, with status 409 where somebody else was quicker.
   */
  async write(old: StoredSecret | undefined, content: StoredCertificate): Promise<void> {
    const { namespace, tlsSecret: name } = this.#own
    const version: JsonObject = old ? { resourceVersion: old.resourceVersion } : {}
    await this.#client.request(old ? `${this.collection}/${name}` : this.collection, {
      method: old ? 'PUT' : 'POST',
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name, namespace, labels: MANAGED_BY, ...version },
        data: encodeSecret(content),
      },
    })
  }
}
