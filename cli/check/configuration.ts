/** Whether the MutatingWebhookConfiguration still says what the manifests say. */
import { isDeepStrictEqual } from 'node:util'
import { arrayAt, textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { Known } from '../cluster/known.ts'
import { webhookIn } from '../installation/find-installation.ts'
import { failure, notChecked, ok, warning, type Finding } from './finding.ts'

const APPLY = 'apply the manifests again: podtap install | kubectl apply -f - (or helm upgrade)'

/**
 * What is to be said about the configuration, compared with the one of the manifests. What
 * installations may choose (timeout, selectors of objects, further expressions) is left to them.
 */
export function checkConfiguration(
  found: Known<JsonObject | undefined>,
  expected: JsonObject,
): readonly Finding[] {
  if ('problem' in found) return [notChecked('the webhook configuration', found.problem)]
  const webhook = webhookIn(found.value)
  if (webhook === undefined)
    return [
      failure(
        'podtap is not installed: no MutatingWebhookConfiguration has a webhook inject.podtap.dev',
        'podtap install | kubectl apply -f -',
      ),
    ]
  const name = textAt(found.value, 'metadata', 'name')
  const problems = [
    ...checkRules(webhook, expected),
    ...checkConditions(webhook, expected),
    ...checkPolicy(webhook),
    ...checkBundle(webhook),
  ]
  return problems.length > 0
    ? problems
    : [ok(`the webhook configuration ${name} is as it should be`)]
}

/** One rule of a webhook as `create deployments.apps`, one for each operation and resource. */
function rulesOf(webhook: JsonObject): readonly string[] {
  return arrayAt(webhook, 'rules').flatMap((rule) =>
    arrayAt(rule, 'apiGroups').flatMap((group) =>
      arrayAt(rule, 'resources').flatMap((resource) =>
        arrayAt(rule, 'operations').map((operation) => {
          const name = group === '' ? String(resource) : `${String(resource)}.${String(group)}`
          return `${String(operation)} ${name}`
        }),
      ),
    ),
  )
}

function checkRules(webhook: JsonObject, expected: JsonObject): readonly Finding[] {
  const present = rulesOf(webhook)
  const missing = rulesOf(expected).filter((rule) => !present.includes(rule))
  const more = present.filter((rule) => !rulesOf(expected).includes(rule))
  return [
    ...(missing.length > 0
      ? [failure(`the API server does not ask podtap about ${missing.join(', ')}`, APPLY)]
      : []),
    ...(more.length > 0
      ? [warning(`the API server asks podtap for nothing about ${more.join(', ')}`, APPLY)]
      : []),
  ]
}

function checkConditions(webhook: JsonObject, expected: JsonObject): readonly Finding[] {
  const wanted = conditionsOf(expected)
  const system = wanted.get(SYSTEM_CONDITION)
  const own = textAt(webhook, 'clientConfig', 'service', 'namespace')
  if (system !== undefined) wanted.set(SYSTEM_CONDITION, system.replace("'podtap'", `'${own}'`))
  return isDeepStrictEqual(conditionsOf(webhook), wanted)
    ? []
    : [warning('matchConditions of the webhook were edited: workloads may be passed over', APPLY)]
}

/** The one that leaves out podtap's own namespace, by its name. */
const SYSTEM_CONDITION = 'not-system'

function conditionsOf(webhook: JsonObject): Map<string, string> {
  const conditions = arrayAt(webhook, 'matchConditions')
  return new Map(
    conditions.map((each) => [textAt(each, 'name'), textAt(each, 'expression').trim()]),
  )
}

function checkPolicy(webhook: JsonObject): readonly Finding[] {
  const isFail = webhook['failurePolicy'] === 'Fail'
  const isDryRunSafe = ['None', 'NoneOnDryRun'].includes(textAt(webhook, 'sideEffects'))
  return [
    ...(isFail
      ? [
          warning(
            'failurePolicy is Fail: while podtap is away, nothing that it is asked about can be deployed',
            `set it to Ignore; ${APPLY}`,
          ),
        ]
      : []),
    ...(isDryRunSafe
      ? []
      : [warning('sideEffects were edited: --dry-run=server is refused for all workloads', APPLY)]),
  ]
}

function checkBundle(webhook: JsonObject): readonly Finding[] {
  return valueAt(webhook, 'clientConfig', 'caBundle')
    ? []
    : [
        failure(
          'caBundle is empty: the API server trusts no certificate of the webhook',
          'the webhook writes it when it is ready; see its log if it does not: kubectl -n podtap logs deployment/podtap-webhook',
        ),
      ]
}
