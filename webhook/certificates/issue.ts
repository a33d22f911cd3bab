/** Making certificates: an authority of our own, and a certificate of the webhook signed by it. */
import { generate } from 'selfsigned'
import type { OwnObjects } from '../config.ts'

/** A certificate with its private key, both as PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** When a certificate is made, and what makes it unlike all others. */
export interface IssueOptions {
  readonly now: Date
  /** Random text; part of the authority's name. */
  readonly serial: string
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Ten years: a new authority must be known to every API server before the first certificate that it
 * signs is served, so it should be rare. The webhook alone trusts it, and only for one name.
 */
export const AUTHORITY_DAYS = 3650

/** One year: a lost key is worth little then, and a cluster that slept for months still wakes up. */
export const CERTIFICATE_DAYS = 365

/** Certificates begin an hour ago, because the clocks of API servers differ (kubectl#1307). */
const BACKDATED_MS = 60 * 60 * 1000

/** P-256 with SHA-256: selfsigned would sign with SHA-1, which Go's verifier refuses. */
const KEY_OPTIONS = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const

/**
 * A new authority. Its name is unique: selfsigned writes no key identifiers, and of two authorities of
 * the same name in one bundle OpenSSL tries the first only.
 */
export async function issueAuthority(options: IssueOptions): Promise<KeyPair> {
  const pems = await generate(named(`podtap-webhook-ca-${options.serial}`), {
    ...KEY_OPTIONS,
    ...validity(options.now, AUTHORITY_DAYS),
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
  now: Date,
): Promise<KeyPair> {
  const pems = await generate(named(serverName(own)), {
    ...KEY_OPTIONS,
    ...validity(now, CERTIFICATE_DAYS),
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

function validity(now: Date, days: number): { notBeforeDate: Date; notAfterDate: Date } {
  return {
    notBeforeDate: new Date(now.getTime() - BACKDATED_MS),
    notAfterDate: new Date(now.getTime() + days * DAY_MS),
  }
}
