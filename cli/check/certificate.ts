/** Whether the API server can trust the webhook, now and for some time. */
import { textAt, type JsonObject } from '../../webhook/admission/json.ts'
import { inspect, splitPem } from '../../webhook/certificates/inspect.ts'
import type { Known } from '../cluster/known.ts'
import { webhookIn } from '../installation/find-installation.ts'
import { failure, notChecked, ok, warning, type Finding } from './finding.ts'

/** What is known of the certificate. */
export interface CertificateFacts {
  /** `namespace/name` of the Secret. */
  readonly name: string
  /** The name by which the API server calls the webhook. */
  readonly serverName: string
  readonly secret: Known<JsonObject | undefined>
  readonly configuration: Known<JsonObject | undefined>
  /** The time by the API server's clock. */
  readonly now: Date
}

/** Days from which on an expiry is called near, where it is not podtap that renews. */
const NEAR_DAYS = 14

const DAY_MS = 86_400_000

/** What is to be said about the certificate. */
export function checkCertificate(facts: CertificateFacts): readonly Finding[] {
  const { name, secret, configuration } = facts
  if ('problem' in secret) return [notChecked('the certificate', secret.problem)]
  if (secret.value === undefined) {
    const fact = `there is no Secret ${name} with the certificate`
    return [failure(fact, 'the webhook makes it when it starts: see its log')]
  }
  // Without the configuration there is nobody who would have to trust it.
  const bundle = 'value' in configuration ? bundleOf(configuration.value) : ''
  if (bundle === '') return []
  return checkAgainst(bundle, secret.value, facts)
}

function checkAgainst(
  bundle: string,
  secret: JsonObject,
  { name, serverName, now }: CertificateFacts,
): readonly Finding[] {
  const data = (key: string): string => decode(textAt(secret, 'data', key))
  const serving = { cert: data('tls.crt'), key: data('tls.key'), authorities: bundle }
  const { problem, renewAt, notAfter } = inspect(serving, { serverName, now })
  if (splitPem(bundle).length === 0) return [failure('caBundle has no certificate in it', RESTART)]
  if (problem !== undefined) {
    const said = problem.replace('in ca.crt', 'in caBundle of the webhook configuration')
    return [failure(`the API server does not trust the certificate in ${name}: ${said}`, RESTART)]
  }
  const days = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS)
  const until = `until ${notAfter.toISOString().slice(0, 10)} (${days} days)`
  const overdue = isOurs(secret) ? now > renewAt : days < NEAR_DAYS
  if (!overdue) return [ok(`the API server trusts the certificate, ${until}`)]
  return [warning(`the certificate in ${name} holds only ${until} and was not renewed`, RENEW)]
}

const RESTART =
  'the webhook mends what it made itself; see its log, or restart it: ' +
  'kubectl -n podtap rollout restart deployment/podtap-webhook'

const RENEW = "podtap renews what it made after two thirds of its life: see the webhook's log"

function isOurs(secret: JsonObject): boolean {
  return textAt(secret, 'metadata', 'labels', 'app.kubernetes.io/managed-by') === 'podtap'
}

function bundleOf(configuration: JsonObject | undefined): string {
  return decode(textAt(webhookIn(configuration), 'clientConfig', 'caBundle'))
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString()
}
