/** Which certificate a replica serves, and what is wrong with what it was given. */
import type { OwnObjects } from '../config.ts'
import { inspect, isTrusted, problemOf, type ServingCertificate } from './inspect.ts'
import { serverName } from './issue.ts'
import type { CertificateSource } from './settings.ts'
import type { StoredSecret } from './store.ts'

/** What a replica sees. */
export interface ServingView {
  readonly own: OwnObjects
  readonly source: CertificateSource
  /** Undefined: there is no Secret. */
  readonly secret: StoredSecret | undefined
  /** What each webhook that calls our Service trusts now; none: nothing calls it. */
  readonly bundles: readonly string[]
  /** What is served now; undefined: nothing yet. */
  readonly served: ServingCertificate | undefined
  readonly now: Date
}

/** What to serve, and one sentence about what should be repaired. */
export interface ServingChoice {
  readonly serve: ServingCertificate | undefined
  readonly problem: string | undefined
}

/** What the Secret holds is served once it is good and the caBundle trusts it; until then what was. */
export function chooseServed(view: ServingView): ServingChoice {
  const { secret, served, own } = view
  const problem = secretProblem(view)
  if (problem !== undefined || secret === undefined) return { serve: served, problem }
  const isKnown = isTrustedByAll(secret.content, view)
  if (isKnown || view.bundles.length === 0) return { serve: secret.content, problem: undefined }
  const old = served && isTrustedByAll(served, view) ? served : secret.content
  return {
    serve: old,
    problem:
      `MutatingWebhookConfiguration ${own.webhookConfiguration}: its caBundle does not trust the ` +
      `certificate of Secret ${nameOf(own)}; ${REMEDIES[view.source]}`,
  }
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
  view: Pick<ServingView, 'own' | 'source' | 'secret' | 'now'>,
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
