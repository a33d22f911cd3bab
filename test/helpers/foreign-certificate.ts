/** Certificates for our Service that somebody else's authority signed. */
import { generate } from 'selfsigned'
import type { OwnObjects } from '../../webhook/config.ts'
import { issueCertificate, type KeyPair } from '../../webhook/certificates/issue.ts'

/** PEM by key, as a Secret of type kubernetes.io/tls holds it. */
export interface ForeignSecret extends Record<string, string> {
  readonly 'tls.crt': string
  readonly 'tls.key': string
  readonly 'ca.crt': string
}

/** What a certificate is made by; a new authority and a life of a day where nothing is said. */
export interface ForeignTerms {
  readonly authority?: KeyPair
  /** When it is made: it is good from an hour earlier on. */
  readonly now?: Date
  readonly lifeMs?: number
}

const DAY_MS = 24 * 3_600_000

/** An authority as other people have theirs. */
export async function foreignAuthority(name = 'Example CA'): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 10 * DAY_MS),
    notAfterDate: new Date(Date.now() + 10 * DAY_MS),
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  })
  return { cert, key }
}

/** The content of a Secret with a certificate for our Service. */
export async function foreignSecret(
  own: OwnObjects,
  { authority, now = new Date(), lifeMs = DAY_MS }: ForeignTerms = {},
): Promise<ForeignSecret> {
  const signer = authority ?? (await foreignAuthority())
  const { cert, key } = await issueCertificate(signer, own, { now, lifeMs })
  return { 'tls.crt': cert, 'tls.key': key, 'ca.crt': signer.cert }
}
