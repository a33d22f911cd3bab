/** Which certificate a replica serves, and what is wrong with what it was given. */
import type { OwnObjects } from '../config.ts'
import { inspect, isTrusted, problemOf, type ServingCertificate } from './inspect.ts'
import { serverName } from './issue.ts'
import type { CertificateSettings, CertificateSource } from './settings.ts'
import type { StoredSecret } from './store.ts'

/** What a replica sees. */
export interface ServingView {
  readonly own: OwnObjects
  readonly settings: CertificateSettings
  /** Undefined: there is no Secret. */
  readonly secret: StoredSecret | undefined
  /** What each webhook that calls our Service trusts now; none: nothing calls it. */
  readonly bundles: readonly string[]
  /** How long the caBundle has trusted what the Secret holds, in milliseconds; 0: it does not. */
  readonly trustedMs: number
  /** What is served now; undefined: nothing yet. */
  readonly served: ServingCertificate | undefined
  readonly now: Date
}

/** What to serve, and one sentence about what should be repaired. */
export interface ServingChoice {
  readonly serve: ServingCertificate | undefined
  readonly problem: string | undefined
  /** After how many milliseconds to look again; undefined: when something changes. */
  readonly waitMs?: number
}

/**
 * What the Secret holds is served once it is good and the caBundle has trusted it for a while, because
 * API servers hear of a new caBundle later than it is written; until then what was. Where nobody trusts
 * that any more there is nothing to wait for.
 */
export function chooseServed(view: ServingView): ServingChoice {
  const { secret, served, own, settings } = view
  const problem = secretProblem({ ...view, source: settings.source })
  if (problem !== undefined || secret === undefined) return { serve: served, problem }
  const old = served && isTrustedByAll(served, view) ? served : undefined
  if (view.bundles.length === 0 || isTrustedByAll(secret.content, view)) {
    return replaceOld(old, secret.content, settings.trustDelayMs - view.trustedMs)
  }
  return {
    serve: old ?? secret.content,
    problem:
      `MutatingWebhookConfiguration ${own.webhookConfiguration}: its caBundle does not trust the ` +
      `certificate of Secret ${nameOf(own)}; ${REMEDIES[settings.source]}`,
  }
}

/** Waits only for another certificate, and only while there is a trusted one to serve meanwhile. */
function replaceOld(
  old: ServingCertificate | undefined,
  next: ServingCertificate,
  waitMs: number,
): ServingChoice {
  const keep = old !== undefined && old.cert !== next.cert && waitMs > 0
  return keep ? { serve: old, problem: undefined, waitMs } : { serve: next, problem: undefined }
}

/** Whether every webhook that calls our Service, and there is one, trusts `certificate`. */
export function isTrustedByAll(
  { cert }: ServingCertificate,
  { bundles, now }: Pick<ServingView, 'bundles' | 'now'>,
): boolean {
  return bundles.length > 0 && bundles.every((bundle) => isTrusted(cert, bundle, now))
}

const REMEDIES = {
  auto: 'the replica that leads writes it',
  secret:
    'put its authority there, or have cert-manager do so (annotation cert-manager.io/inject-ca-from)',
}

/** Why what the Secret holds cannot be served, and what to do; undefined: it can. */
export function secretProblem(
  view: Pick<ServingView, 'own' | 'secret' | 'now'> & { readonly source: CertificateSource },
): string | undefined {
  const { own, source, secret, now } = view
  if (secret === undefined) {
    const remedy = source === 'auto' ? 'the replica that leads makes it' : 'create it'
    return `Secret ${nameOf(own)}: expected a certificate, found no such Secret; ${remedy}`
  }
  const { content, ours } = secret
  const expected = { serverName: serverName(own), now }
  // With another source the caBundle decides: many issuers say nothing of their authority here.
  const said =
    source === 'secret' ? problemOf(content, expected) : inspect(content, expected).problem
  if (said === undefined) return undefined
  return `Secret ${nameOf(own)}: ${said}; ${remedyFor(source, ours)}`
}

function remedyFor(source: CertificateSource, ours: boolean): string {
  if (source === 'secret') return 'with CERTIFICATE=secret it stays as it is: repair it'
  if (ours) return 'the replica that leads makes a new one'
  return 'podtap did not make it, so it stays as it is: repair it, or delete it to have one made'
}

function nameOf({ namespace, tlsSecret }: OwnObjects): string {
  return `${namespace}/${tlsSecret}`
}
