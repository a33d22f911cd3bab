/** What becomes of the stored certificate when its time is over. */
import type { OwnObjects } from '../config.ts'
import { canSign, splitPem, type ServingCertificate } from './inspect.ts'
import { issueAuthority, issueCertificate, type IssueOptions, type KeyPair } from './issue.ts'

/** Everything that is stored. `authorityKey` is empty where somebody else made the certificate. */
export interface StoredCertificate extends ServingCertificate {
  readonly authorityKey: string
}

/**
 * A new certificate, signed by the authority of `old` where that can still sign. Otherwise there is a
 * new authority, and the old one stays trusted behind it, because other replicas still serve what it
 * signed.
 */
export async function renew(
  old: StoredCertificate | undefined,
  own: OwnObjects,
  options: IssueOptions,
): Promise<StoredCertificate> {
  const known = splitPem(old?.authorities ?? '')
  const kept = reusable({ cert: known[0] ?? '', key: old?.authorityKey ?? '' }, options.now)
  const authority = kept ?? (await issueAuthority(options))
  const trusted = kept ? known.slice(1) : known.slice(0, 1)
  return {
    ...(await issueCertificate(authority, own, options.now)),
    authorities: [authority.cert, ...trusted].map((pem) => `${pem.trim()}\n`).join(''),
    authorityKey: authority.key,
  }
}

function reusable(authority: KeyPair, now: Date): KeyPair | undefined {
  return canSign(authority, now) ? authority : undefined
}
