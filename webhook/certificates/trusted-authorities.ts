/** Since when API servers have been told to trust whom, as this replica saw it. */
import { isTrusted, splitPem } from './inspect.ts'

/** Follows what the webhooks that call our Service trust. Times are monotonic, in milliseconds. */
export class TrustedAuthorities {
  readonly #since = new Map<string, number>()

  /** Takes over what each of the webhooks trusts at `now` (PEM): only what all of them do counts. */
  update(bundles: readonly string[], now: number): void {
    const [first = [], ...others] = bundles.map(splitPem)
    const trusted = first.filter((pem) => others.every((bundle) => bundle.includes(pem)))
    for (const pem of this.#since.keys()) {
      if (!trusted.includes(pem)) this.#since.delete(pem)
    }
    for (const pem of trusted) {
      if (!this.#since.has(pem)) this.#since.set(pem, now)
    }
  }

  /** How long an authority (PEM) has been trusted at `now`; undefined: it is not. */
  trustedMs(authority: string, now: number): number | undefined {
    const since = this.#since.get(authority)
    return since === undefined ? undefined : now - since
  }

  /** How long an authority that signed `cert` (PEM) has been trusted at `now`; 0: none is. */
  trustedMsOf(cert: string, now: number): number {
    const signers = [...this.#since].filter(([authority]) => isTrusted(cert, authority, new Date()))
    return Math.max(0, ...signers.map(([, since]) => now - since))
  }
}
