/** Whether certificates are fit to be served, and by whom they are trusted. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { messageOf } from '../../lib/errors.ts'
import { AUTHORITY_NAME, BACKDATED_MS, type KeyPair } from './issue.ts'

/** A certificate as it is served, and the authorities that API servers may trust it by. */
export interface ServingCertificate extends KeyPair {
  /** Authorities, PEM, the newest first; empty where nobody said. */
  readonly authorities: string
}

/** The times of a certificate. */
export interface Life {
  readonly issuedAt: Date
  /** From when on it should be replaced. */
  readonly renewAt: Date
  readonly notAfter: Date
}

/** The part of its life after which a certificate is replaced: time enough to repair what hinders it. */
const RENEW_AFTER = 2 / 3

/**
 * Why key and certificate cannot be served under `serverName` now, in words; undefined: they can. Never
 * throws.
 */
export function problemOf(
  { cert, key }: KeyPair,
  { serverName, now }: { readonly serverName: string; readonly now: Date },
): string | undefined {
  if (cert.trim() === '' || key.trim() === '') return 'tls.crt or tls.key is missing'
  try {
    const certificate = new X509Certificate(cert)
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return 'key and certificate differ'
    if (certificate.validToDate <= now) return `expired on ${certificate.validTo}`
    if (certificate.validFromDate > now) return `not valid before ${certificate.validFrom}`
    const fits = certificate.checkHost(serverName) !== undefined
    return fits ? undefined : `not made for ${serverName}`
  } catch (error) {
    return `not readable: ${messageOf(error)}`
  }
}

/** What was found. */
export interface Inspection {
  /** Why it cannot be served, in words; undefined: it can. */
  readonly problem: string | undefined
  /** From when on it should be replaced, where podtap made it. */
  readonly renewAt: Date
  readonly notAfter: Date
}

/** Checks that key, certificate, name and authorities fit together now. Never throws. */
export function inspect(
  serving: ServingCertificate,
  expected: { readonly serverName: string; readonly now: Date },
): Inspection {
  const problem = problemOf(serving, expected) ?? authorityProblem(serving, expected.now)
  const never = new Date(0)
  const life = isReadable(serving.cert) ? lifeOf(serving.cert) : { renewAt: never, notAfter: never }
  return { problem, ...life }
}

function authorityProblem(
  { cert, authorities }: ServingCertificate,
  now: Date,
): string | undefined {
  const certificate = new X509Certificate(cert)
  const known = splitPem(authorities).map(parse)
  const issuer = known.find((one) => one !== undefined && isIssuedBy(certificate, one))
  if (issuer === undefined) return 'not signed by any authority in ca.crt'
  return isGood(issuer, now) ? undefined : `its authority expired on ${issuer.validTo}`
}

/** Whether one of `authorities` (PEM) signed `cert` and is good now. Never throws. */
export function isTrusted(cert: string, authorities: string, now: Date): boolean {
  const certificate = parse(cert)
  if (certificate === undefined) return false
  return splitPem(authorities).some((pem) => {
    const authority = parse(pem)
    return authority !== undefined && isGood(authority, now) && isIssuedBy(certificate, authority)
  })
}

/** Whether an authority is complete and will outlive what it signs now. Never throws. */
export function canSign({ cert, key }: KeyPair, now: Date): boolean {
  try {
    const certificate = new X509Certificate(cert)
    const complete = certificate.ca && certificate.checkPrivateKey(createPrivateKey(key))
    return complete && certificate.validFromDate <= now && now < lifeOf(cert).renewAt
  } catch {
    // Missing or not readable, which is reason enough to make a new one.
    return false
  }
}

/** Whether podtap's own authority, of whatever time, signed `cert`; false where it is not readable. */
export function isOwnWork(cert: string): boolean {
  return parse(cert)?.issuer.includes(`CN=${AUTHORITY_NAME}`) ?? false
}

/** Whether `cert` is a certificate at all. */
export function isReadable(cert: string): boolean {
  return parse(cert) !== undefined
}

/** Whether `cert` (PEM) can be read and is good now. */
export function isAlive(cert: string, now: Date): boolean {
  const certificate = parse(cert)
  return certificate !== undefined && isGood(certificate, now)
}

/**
 * The PEM certificates in a text, in their order, as Go reads them: BEGIN and END stand on lines of their
 * own. Two files put together without a line's end between them are no certificate at all to an API server.
 */
export function splitPem(text: string): readonly string[] {
  const block = /^-----BEGIN CERTIFICATE-----\s[\w+/=\s]+^-----END CERTIFICATE-----(?=\s*?$)/gm
  return text.match(block) ?? []
}

/**
 * The life of a certificate that podtap made; of anybody else's only notAfter is meant.
 * @throws Error where it is not readable.
 */
export function lifeOf(cert: string): Life {
  const certificate = new X509Certificate(cert)
  const notAfter = certificate.validToDate
  const issuedAt = new Date(certificate.validFromDate.getTime() + BACKDATED_MS)
  const lifeMs = notAfter.getTime() - issuedAt.getTime()
  return { issuedAt, renewAt: new Date(issuedAt.getTime() + lifeMs * RENEW_AFTER), notAfter }
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function isGood(certificate: X509Certificate, now: Date): boolean {
  return certificate.validFromDate <= now && now < certificate.validToDate
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}
