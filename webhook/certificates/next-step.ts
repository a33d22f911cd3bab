/**
 * Renewing without a moment in which an API server is shown a certificate that it does not trust yet. A
 * new authority is first stored, and so put into the caBundle, beside the old one; only when it has been
 * there for a while it signs what is served; and the old one stays until the last certificate that it
 * signed has expired.
 */
import type { OwnObjects } from '../config.ts'
import {
  canSign,
  isAlive,
  isTrusted,
  lifeOf,
  problemOf,
  splitPem,
  type ServingCertificate,
} from './inspect.ts'
import { issueAuthority, issueCertificate, serverName, type KeyPair } from './issue.ts'
import type { StoredCertificate } from './secret.ts'
import type { CertificateSettings } from './settings.ts'

/** What is known when the next step is chosen. */
export interface CertificateSituation {
  /** What the Secret holds; undefined: there is none. */
  readonly stored: StoredCertificate | undefined
  /** What this replica serves and podtap made. */
  readonly served: ServingCertificate | undefined
  /** How long an authority (PEM) has been in the caBundle, in milliseconds; undefined: it is not. */
  readonly trustedMs: (authority: string) => number | undefined
  readonly now: Date
}

/** By what the next step is made. */
export interface CertificateTerms {
  readonly own: OwnObjects
  readonly settings: CertificateSettings
  /** Random text, the name of the next authority. */
  readonly serial: string
}

/** What to do: store `write`, for the reason `why`, or look again after `waitMs`. */
export type CertificateStep =
  | { readonly write: StoredCertificate; readonly why: string }
  | { readonly write: undefined; readonly waitMs: number }

/**
 * Most authorities that are trusted at a time. Beyond two there are only those that somebody rotated away
 * by hand, one after the other; of so many rotations ago no certificate is served any more.
 */
const MOST_AUTHORITIES = 8

/** Chooses the next step. It is to be carried out, and the next one asked for, until one says to wait. */
export async function nextStep(
  situation: CertificateSituation,
  terms: CertificateTerms,
): Promise<CertificateStep> {
  return new Choice(situation, terms).step()
}

class Choice {
  readonly #situation: CertificateSituation
  readonly #terms: CertificateTerms
  /** What may go on being served; undefined: nothing. */
  readonly #leaf: KeyPair | undefined
  /** All that are to be trusted, PEM, the newest first. */
  readonly #authorities: readonly string[]
  readonly #newest: KeyPair

  constructor(situation: CertificateSituation, terms: CertificateTerms) {
    const { stored, served } = situation
    this.#situation = situation
    this.#terms = terms
    this.#leaf = [stored, served].find((pair) => pair && this.#isFit(pair))
    this.#authorities = this.#known().filter((pem) => !this.#isRetired(pem))
    this.#newest = { cert: this.#authorities[0] ?? '', key: stored?.authorityKey ?? '' }
  }

  async step(): Promise<CertificateStep> {
    const { stored, now, trustedMs } = this.#situation
    const leaf = this.#leaf
    if (!canSign(this.#newest, now)) return this.#addAuthority()
    if (leaf === undefined) return this.#issue('there was none to serve')
    if (stored === undefined || leaf !== stored)
      return this.#store(leaf, 'what the Secret held cannot be served')
    if (!isTrusted(leaf.cert, this.#newest.cert, now)) {
      const waitMs = this.#terms.settings.trustDelayMs - (trustedMs(this.#newest.cert) ?? 0)
      if (waitMs > 0) return { write: undefined, waitMs }
      return this.#issue('API servers know the new authority')
    }
    if (now >= lifeOf(leaf.cert).renewAt) return this.#issue('two thirds of its life are over')
    if (this.#authorities.length < splitPem(stored.authorities).length) {
      return this.#store(leaf, 'what an old authority signed has expired')
    }
    return { write: undefined, waitMs: this.#waitMs(leaf) }
  }

  /** Every authority that is stored or served and has not expired, the newest first. */
  #known(): readonly string[] {
    const { stored, served, now } = this.#situation
    const all = [stored, served].flatMap((one) => splitPem(one?.authorities ?? ''))
    return [...new Set(all)].filter((pem) => isAlive(pem, now)).slice(0, MOST_AUTHORITIES)
  }

  /** Whether everything that an authority signed has expired: its successor is older than that lived. */
  #isRetired(pem: string): boolean {
    const [newest = pem] = this.#known()
    const { now } = this.#situation
    if (pem === newest || (this.#leaf && isTrusted(this.#leaf.cert, pem, now))) return false
    return now >= this.#retirement(newest)
  }

  #retirement(newest: string): Date {
    return new Date(lifeOf(newest).issuedAt.getTime() + this.#terms.settings.lifeMs)
  }

  async #addAuthority(): Promise<CertificateStep> {
    const { settings, serial } = this.#terms
    const { now } = this.#situation
    const authority = await issueAuthority(serial, { now, lifeMs: settings.authorityLifeMs })
    const leaf = this.#leaf
    if (leaf === undefined) return this.#issue('there was none to serve', authority)
    return this.#store(leaf, 'a new authority is to take over', authority)
  }

  async #issue(why: string, authority = this.#newest): Promise<CertificateStep> {
    const { own, settings } = this.#terms
    const { now } = this.#situation
    const leaf = await issueCertificate(authority, own, { now, lifeMs: settings.lifeMs })
    return this.#store(leaf, why, authority)
  }

  #store({ cert, key }: KeyPair, why: string, authority = this.#newest): CertificateStep {
    const all = [...new Set([authority.cert.trim(), ...this.#authorities])]
    const authorities = all.map((pem) => `${pem}\n`).join('')
    return { write: { cert, key, authorities, authorityKey: authority.key }, why }
  }

  #waitMs(leaf: KeyPair): number {
    const newest = this.#newest.cert
    const due = [lifeOf(leaf.cert).renewAt, lifeOf(newest).renewAt]
    if (this.#authorities.length > 1) due.push(this.#retirement(newest))
    return Math.min(...due.map((at) => at.getTime())) - this.#situation.now.getTime()
  }

  #isFit(pair: ServingCertificate): boolean {
    const { now } = this.#situation
    const expected = { serverName: serverName(this.#terms.own), now }
    return problemOf(pair, expected) === undefined && isTrusted(pair.cert, pair.authorities, now)
  }
}
