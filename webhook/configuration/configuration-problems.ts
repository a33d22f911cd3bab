/**
 * What somebody changed in the MutatingWebhookConfiguration that is not podtap's to put back: it is told,
 * and left as it is.
 */
import { selects, type LabelSelector } from '../../lib/kube/label-selector.ts'
import { arrayAt, objectAt, textAt } from '../admission/json.ts'
import { isOurs } from '../certificates/ca-bundle.ts'
import type { OwnObjects } from '../config.ts'

/** What the API server asks podtap about: `OPERATION resource.group`, as the manifests have it. */
export const WANTED_REVIEWS = [
  'CREATE deployments.apps',
  'UPDATE deployments.apps',
  'CREATE statefulsets.apps',
  'UPDATE statefulsets.apps',
  'CREATE daemonsets.apps',
  'UPDATE daemonsets.apps',
  'CREATE cronjobs.batch',
  'UPDATE cronjobs.batch',
  'CREATE jobs.batch',
  'CREATE pods.',
] as const

/** A namespace with what the API server selects it by. */
export interface NamespaceLabels {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** Most namespaces that a problem names. */
const MOST_NAMED = 3

/**
 * One sentence for each thing that keeps podtap from being asked, or others from being served without
 * it. Fields that installations may choose (timeoutSeconds, objectSelector, further expressions that
 * leave out nothing that is enabled) are not looked at.
 */
export function configurationProblems(
  configuration: unknown,
  own: OwnObjects,
  enabled: readonly NamespaceLabels[],
): readonly string[] {
  const webhooks = arrayAt(configuration, 'webhooks').filter((webhook) => isOurs(webhook, own))
  return webhooks.flatMap((webhook) =>
    [policyProblem(webhook), rulesProblem(webhook), selectorProblem(webhook, enabled)].flatMap(
      (problem) =>
        problem === undefined
          ? []
          : [`MutatingWebhookConfiguration ${own.webhookConfiguration}: ${problem}; ${REMEDY}`],
    ),
  )
}

const REMEDY = 'podtap leaves this field to you: apply the manifests again'

function policyProblem(webhook: unknown): string | undefined {
  const policy = textAt(webhook, 'failurePolicy')
  if (policy === 'Ignore') return undefined
  return `failurePolicy: expected Ignore, found ${policy || 'none'}: while podtap is away nothing can be deployed`
}

function rulesProblem(webhook: unknown): string | undefined {
  const missing = WANTED_REVIEWS.filter((wanted) => !isAsked(webhook, wanted))
  if (missing.length === 0) return undefined
  return `rules: expected ${missing.join(', ').replace(/\.(?=,|$)/g, '')}, found no such rule: podtap is not asked`
}

/** Whether a rule covers `OPERATION resource.group`; `*` stands for everything. */
function isAsked(webhook: unknown, wanted: string): boolean {
  const [, operation, resource, group] = /^(\w+) (\w+)\.(.*)$/.exec(wanted) ?? []
  const covers = (rule: unknown, field: string, value: string | undefined): boolean =>
    arrayAt(rule, field).some((each) => each === '*' || each === value)
  return arrayAt(webhook, 'rules').some(
    (rule) =>
      covers(rule, 'operations', operation) &&
      covers(rule, 'apiGroups', group) &&
      covers(rule, 'resources', resource),
  )
}

function selectorProblem(
  webhook: unknown,
  enabled: readonly NamespaceLabels[],
): string | undefined {
  const selector = objectAt(webhook, 'namespaceSelector') as LabelSelector
  const left = enabled.filter(({ labels }) => !selects(selector, labels)).map(({ name }) => name)
  if (left.length === 0) return undefined
  const more = left.length > MOST_NAMED ? ` and ${left.length - MOST_NAMED} more` : ''
  const named = `${left.slice(0, MOST_NAMED).join(', ')}${more}`
  return `namespaceSelector: expected every enabled namespace, found ${named} left out: podtap is not asked`
}
