/** Who makes the certificate, and how long what podtap makes is good for. */
import { configError, duration, oneOf, type ConfigOf } from '../../lib/config.ts'

/** `auto`: podtap makes it. `secret`: somebody else keeps Secret and caBundle, cert-manager say. */
export const CERTIFICATE_SOURCES = ['auto', 'secret'] as const

/** One of CERTIFICATE_SOURCES. */
export type CertificateSource = (typeof CERTIFICATE_SOURCES)[number]

/** All of it; times in milliseconds. */
export interface CertificateSettings {
  readonly source: CertificateSource
  readonly lifeMs: number
  readonly authorityLifeMs: number
  /** How long an authority is in the caBundle before anything that it signed is served. */
  readonly trustDelayMs: number
}

const SECOND_MS = 1000
const DAY_MS = 24 * 3600 * SECOND_MS

/** The variables of the webhook about certificates. */
export const CERTIFICATE_SCHEMA = {
  CERTIFICATE: { parse: oneOf(...CERTIFICATE_SOURCES), fallback: 'auto' as CertificateSource },
  // One year: a lost key is worth little then, and a cluster that slept for months still wakes up.
  CERTIFICATE_LIFE: { parse: duration('5s', '3650d'), fallback: 365 * DAY_MS },
  // Ten years: the webhook alone trusts its authority, and only for one name.
  AUTHORITY_LIFE: { parse: duration('15s', '36500d'), fallback: 3650 * DAY_MS },
  // API servers hear of a new caBundle by a watch, within a second; nobody tells when the last has.
  TRUST_DELAY: { parse: duration('0s', '1h'), fallback: 30 * SECOND_MS },
}

/**
 * The settings that the variables give.
 * @throws AppError ERR_CONFIG where they do not fit together.
 */
export function certificateSettings(
  values: ConfigOf<typeof CERTIFICATE_SCHEMA>,
): CertificateSettings {
  const { CERTIFICATE_LIFE: lifeMs, AUTHORITY_LIFE: authorityLifeMs } = values
  const { CERTIFICATE: source, TRUST_DELAY: trustDelayMs } = values
  const problems: string[] = []
  // It signs during two thirds of its life, and what it signs last must not outlive it.
  if (authorityLifeMs < 3 * lifeMs) {
    problems.push('AUTHORITY_LIFE: expected at least three times CERTIFICATE_LIFE')
  }
  // A certificate is renewed with a third of its life left; half of that is for what goes wrong.
  if (trustDelayMs > lifeMs / 6) {
    problems.push('TRUST_DELAY: expected at most a sixth of CERTIFICATE_LIFE')
  }
  if (problems.length > 0) throw configError(problems)
  return { source, lifeMs, authorityLifeMs, trustDelayMs }
}
