/** The Secret that holds the certificate: all replicas serve what it says. */
import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { objectAt, textAt, type JsonObject } from '../admission/json.ts'
import type { OwnObjects } from '../config.ts'
import { inspect, type ServingCertificate } from './inspect.ts'
import { serverName, type IssueOptions } from './issue.ts'
import { renew, type StoredCertificate } from './renew.ts'

/** By this label podtap knows the Secrets that it made, and may therefore replace. */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'podtap' }

/** The keys of a Secret of type kubernetes.io/tls, and where podtap keeps its authority's key. */
const KEYS = {
  cert: 'tls.crt',
  key: 'tls.key',
  authorities: 'ca.crt',
  authorityKey: 'ca.key',
} as const

/** How often the Secret is read again after another replica wrote it first. */
const MAX_ATTEMPTS = 3

/** Reads the Secret, and makes and renews what is in it. */
export class CertificateStore {
  readonly #client: KubeClient
  readonly #own: OwnObjects
  readonly #options: () => IssueOptions

  /** `options` are asked for before each look at the Secret: the time of now, and randomness. */
  constructor(client: KubeClient, own: OwnObjects, options: () => IssueOptions) {
    this.#client = client
    this.#own = own
    this.#options = options
  }

  /**
   * The certificate to serve. A missing Secret is created; one that podtap made is renewed when two
   * thirds of its life are over or when it is broken. What somebody else put there is never touched.
   * @throws AppError ERR_CERTIFICATE when a foreign Secret cannot be served; KubeError.
   */
  async current(): Promise<ServingCertificate> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt()
      } catch (error) {
        const lostRace = error instanceof KubeError && error.status === 409
        if (!lostRace || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }

  async #attempt(): Promise<ServingCertificate> {
    const options = this.#options()
    const secret = await this.#read()
    if (secret === undefined)
      return this.#write(undefined, await renew(undefined, this.#own, options))
    const stored = decode(secret)
    const { problem, renewAt } = this.#inspect(stored, options.now)
    if (problem === undefined && options.now < renewAt) return stored
    if (isOurs(secret)) return this.#write(secret, await renew(stored, this.#own, options))
    if (problem === undefined) return stored
    const { namespace, tlsSecret } = this.#own
    throw new AppError(
      'ERR_CERTIFICATE',
      `Secret ${namespace}/${tlsSecret}: ${problem}; podtap did not make it (no label ` +
        'app.kubernetes.io/managed-by: podtap), so repair it, or delete it to have one made',
    )
  }

  /** Undefined where there is none. */
  async #read(): Promise<JsonObject | undefined> {
    try {
      return (await this.#client.request(this.#path(this.#own.tlsSecret))) as JsonObject
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    }
  }

  /** Creates the Secret, or replaces the version `secret` of it; 409 where another one was quicker. */
  async #write(
    secret: JsonObject | undefined,
    stored: StoredCertificate,
  ): Promise<StoredCertificate> {
    const { namespace, tlsSecret: name } = this.#own
    const resourceVersion = textAt(secret, 'metadata', 'resourceVersion')
    await this.#client.request(secret === undefined ? this.#path() : this.#path(name), {
      method: secret === undefined ? 'POST' : 'PUT',
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name, namespace, labels: MANAGED_BY, ...(secret && { resourceVersion }) },
        data: encode(stored),
      },
    })
    return stored
  }

  #inspect(stored: StoredCertificate, now: Date): ReturnType<typeof inspect> {
    return inspect(stored, { serverName: serverName(this.#own), now })
  }

  #path(name?: string): string {
    const secrets = `/api/v1/namespaces/${this.#own.namespace}/secrets`
    return name === undefined ? secrets : `${secrets}/${name}`
  }
}

function isOurs(secret: JsonObject): boolean {
  const label = textAt(secret, 'metadata', 'labels', 'app.kubernetes.io/managed-by')
  return label === MANAGED_BY['app.kubernetes.io/managed-by']
}

function decode(secret: JsonObject): StoredCertificate {
  const data = objectAt(secret, 'data')
  const read = (key: string): string => Buffer.from(textAt(data, key), 'base64').toString()
  return {
    cert: read(KEYS.cert),
    key: read(KEYS.key),
    authorities: read(KEYS.authorities),
    authorityKey: read(KEYS.authorityKey),
  }
}

function encode(stored: StoredCertificate): JsonObject {
  const entries = Object.entries(KEYS).map(([field, key]) => {
    return [key, Buffer.from(stored[field as keyof StoredCertificate]).toString('base64')]
  })
  return Object.fromEntries(entries) as JsonObject
}
