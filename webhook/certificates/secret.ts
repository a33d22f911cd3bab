/** The Secret of type kubernetes.io/tls that holds the certificate, as its content and back. */
import { objectAt, textAt, type JsonObject } from '../admission/json.ts'
import { isOwnWork, isReadable, type ServingCertificate } from './inspect.ts'

/** Everything that is stored. `authorityKey` is empty where somebody else made the certificate. */
export interface StoredCertificate extends ServingCertificate {
  readonly authorityKey: string
}

const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'

/** By this label podtap knows the Secrets that it made, and may therefore replace. */
export const MANAGED_BY = { [MANAGED_BY_LABEL]: 'podtap' } as const

/** The keys of a Secret of type kubernetes.io/tls, and where podtap keeps its authority's key. */
const KEYS = {
  cert: 'tls.crt',
  key: 'tls.key',
  authorities: 'ca.crt',
  authorityKey: 'ca.key',
} as const

/** What a Secret holds; what is missing is empty. */
export function decodeSecret(secret: unknown): StoredCertificate {
  const data = objectAt(secret, 'data')
  const read = (key: string): string => Buffer.from(textAt(data, key), 'base64').toString()
  return {
    cert: read(KEYS.cert),
    key: read(KEYS.key),
    authorities: read(KEYS.authorities),
    authorityKey: read(KEYS.authorityKey),
  }
}

/** The data of a Secret. */
export function encodeSecret(stored: StoredCertificate): JsonObject {
  const entries = Object.entries(KEYS).map(([field, key]) => {
    return [key, Buffer.from(stored[field as keyof StoredCertificate]).toString('base64')]
  })
  return Object.fromEntries(entries) as JsonObject
}

/**
 * Whether podtap made what a Secret holds. The label alone does not tell: `kubectl apply` of somebody's
 * own key pair leaves it there. What cannot be read at all was of no use to anybody.
 */
export function isOurs(secret: unknown): boolean {
  const label = textAt(secret, 'metadata', 'labels', MANAGED_BY_LABEL)
  if (label !== MANAGED_BY[MANAGED_BY_LABEL]) return false
  const { cert } = decodeSecret(secret)
  return isOwnWork(cert) || !isReadable(cert)
}
