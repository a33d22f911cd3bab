/** Whether certificates are fit to be served. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { messageOf } from '../../lib/errors.ts'
import type { KeyPair } from './issue.ts'

/** A certificate as it is served, and the authorities that API servers may trust it by. */
export interface ServingCertificate extends KeyPair {
  /** One or more authorities, PEM, the current one first. */
  readonly authorities: string
}

/** What was found. */
export interface Inspection {
  /** Why it cannot be served, in words; undefined: it can. */
  readonly problem: string | undefined
  /** From when on it should be replaced. */
  readonly renewAt: Date
  readonly notAfter: Date
}

/** The part of its life after which a certificate is replaced: time enough to repair what hinders it. */
const RENEW_AFTER = 2 / 3

/** Checks that key, certificate, name and authority fit together now. Never throws. */
export function inspect(
  serving: ServingCertificate,
  expected: { readonly serverName: string; readonly now: Date },
): Inspection {
  try {
    const certificate = new X509Certificate(serving.cert)
    return { problem: findProblem(certificate, serving, expected), ...lifeOf(certificate) }
  } catch (error) {
    const never = new Date(0)
    return { problem: `not readable: ${messageOf(error)}`, renewAt: never, notAfter: never }
  }
}

/** Whether an authority is complete and will outlive what it signs now. Never throws. */
export function canSign({ cert, key }: KeyPair, now: Date): boolean {
  try {
    const certificate = new X509Certificate(cert)
    const complete = certificate.ca && certificate.checkPrivateKey(createPrivateKey(key))
    return complete && certificate.validFromDate <= now && now < lifeOf(certificate).renewAt
  } catch {
    // Missing or not readable, which is reason enough to make a new one.
    return false
  }
}

/** The PEM certificates in a text, in their order. */
export function splitPem(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
}

function findProblem(
  certificate: X509Certificate,
  serving: ServingCertificate,
  { serverName, now }: { readonly serverName: string; readonly now: Date },
): string | undefined {
  if (!certificate.checkPrivateKey(createPrivateKey(serving.key)))
    return 'key and certificate differ'
  if (certificate.validToDate <= now) return `expired on ${certificate.validTo}`
  if (certificate.validFromDate > now) return `not valid before ${certificate.validFrom}`
  if (certificate.checkHost(serverName) === undefined) return `not made for ${serverName}`
  const authorities = splitPem(serving.authorities).map((pem) => new X509Certificate(pem))
  const issuer = authorities.find((authority) => isIssuedBy(certificate, authority))
  if (issuer === undefined) return 'not signed by any authority in ca.crt'
  return issuer.validToDate <= now ? `its authority expired on ${issuer.validTo}` : undefined
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

function lifeOf(certificate: X509Certificate): { renewAt: Date; notAfter: Date } {
  const begin = certificate.validFromDate.getTime()
  const notAfter = certificate.validToDate
  const renewAt = new Date(begin + (notAfter.getTime() - begin) * RENEW_AFTER)
  return { renewAt, notAfter }
}
