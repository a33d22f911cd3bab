/** Making certificates: an authority of our own, and a certificate of the webhook signed by it. */
import { generate } from 'selfsigned'
import type { OwnObjects } from '../config.ts'

/** A certificate with its private key, both as PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** From when on a certificate is good, and for how long. */
export interface Validity {
  readonly now: Date
  /** In milliseconds; certificates count seconds. */
  readonly lifeMs: number
}

/** Certificates begin an hour ago, because the clocks of API servers differ (kubectl#1307). */
export const BACKDATED_MS = 60 * 60 * 1000

/** How the names of podtap's authorities begin; by it podtap knows what it has signed. */
export const AUTHORITY_NAME = 'podtap-webhook-ca-'

/** P-256 with SHA-256: selfsigned would sign with SHA-1, which Go's verifier refuses. */
const KEY_OPTIONS = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const

/**
 * A new authority. `serial`, random text, makes its name unique: selfsigned writes no key identifiers,
 * and of two authorities of the same name in one bundle OpenSSL tries the first only.
 */
export async function issueAuthority(serial: string, validity: Validity): Promise<KeyPair> {
  const pems = await generate(named(`${AUTHORITY_NAME}${serial}`), {
    ...KEY_OPTIONS,
    ...datesOf(validity),
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return { cert: pems.cert, key: pems.private }
}

/** A certificate for the Service, signed by `authority`. */
export async function issueCertificate(
  authority: KeyPair,
  own: OwnObjects,
  validity: Validity,
): Promise<KeyPair> {
  const pems = await generate(named(serverName(own)), {
    ...KEY_OPTIONS,
    ...datesOf(validity),
    ca: authority,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: altNames(own) },
    ],
  })
  return { cert: pems.cert, key: pems.private }
}

/** The name under which the API server calls the webhook. */
export function serverName({ service, namespace }: OwnObjects): string {
  return `${service}.${namespace}.svc`
}

function altNames(own: OwnObjects): { type: 2; value: string }[] {
  const name = serverName(own)
  return [name, `${name}.cluster.local`, name.replace(/\.svc$/, '')].map((value) => {
    return { type: 2, value }
  })
}

function named(commonName: string): { name: string; value: string }[] {
  return [{ name: 'commonName', value: commonName }]
}

function datesOf({ now, lifeMs }: Validity): { notBeforeDate: Date; notAfterDate: Date } {
  return {
    notBeforeDate: new Date(now.getTime() - BACKDATED_MS),
    notAfterDate: new Date(now.getTime() + lifeMs),
  }
}
