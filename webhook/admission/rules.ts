/** The reasons not to inject, each with the rule that finds it, in the order in which they are asked. */
import { FILTER, INJECT, injectProblem, injectValue, readOverrides } from './annotations.ts'
import { isRolledBack, isUnchanged } from './consent.ts'
import {
  hostNetwork,
  isSensor,
  limitRange,
  nameTaken,
  neverEnds,
  podResources,
  podSecurity,
  quota,
  windows,
} from './feasibility.ts'
import { arrayAt, isObject, valueAt } from './json.ts'
import { operatorOwned, ownedByWorkload, staticPod } from './ownership.ts'
import type { Situation } from './situation.ts'
import { annotationsOf } from './workload.ts'

export type { NamespaceFacts, Situation } from './situation.ts'

/**
 * Why a workload is left without a sidecar. Each value is a metric label and stands in audit logs, so
 * add values and never rename one.
 */
export type RefusalReason =
  | 'system-namespace'
  | 'unreadable-template'
  | 'template-unchanged'
  | 'rolled-back'
  | 'static-pod'
  | 'owned-by-workload'
  | 'operator-owned'
  | 'namespace-unknown'
  | 'opted-out'
  | 'bad-annotation'
  | 'not-enabled'
  | 'is-sensor'
  | 'host-network'
  | 'windows'
  | 'pod-security'
  | 'never-ends'
  | 'name-taken'
  | 'pod-resources'
  | 'limit-range'
  | 'quota'

/** One reason not to inject. */
export interface Rule {
  readonly reason: RefusalReason
  /** Whether a sidecar that is already there is taken out. */
  readonly removes: boolean
  /** Why the rule applies, in words; undefined where it does not. */
  applies(situation: Situation): string | undefined
}

/**
 * All rules in their order: whose business it is, whether anybody consented, what people wrote, what
 * could not work.
 */
export const RULES: readonly Rule[] = [
  { reason: 'system-namespace', removes: false, applies: systemNamespace },
  { reason: 'unreadable-template', removes: false, applies: unreadableTemplate },
  { reason: 'template-unchanged', removes: false, applies: templateUnchanged },
  { reason: 'rolled-back', removes: false, applies: rolledBack },
  { reason: 'static-pod', removes: false, applies: staticPod },
  { reason: 'owned-by-workload', removes: false, applies: ownedByWorkload },
  { reason: 'operator-owned', removes: false, applies: operatorOwned },
  { reason: 'namespace-unknown', removes: false, applies: namespaceUnknown },
  { reason: 'opted-out', removes: true, applies: optedOut },
  { reason: 'bad-annotation', removes: true, applies: badAnnotation },
  { reason: 'not-enabled', removes: true, applies: notEnabled },
  { reason: 'is-sensor', removes: true, applies: isSensor },
  { reason: 'host-network', removes: true, applies: hostNetwork },
  { reason: 'windows', removes: true, applies: windows },
  { reason: 'pod-security', removes: true, applies: podSecurity },
  { reason: 'never-ends', removes: true, applies: neverEnds },
  { reason: 'name-taken', removes: false, applies: nameTaken },
  { reason: 'pod-resources', removes: true, applies: podResources },
  { reason: 'limit-range', removes: true, applies: limitRange },
  { reason: 'quota', removes: true, applies: quota },
]

/** podtap must be able to start where the webhook is down, and kube-system is the cluster's own. */
function systemNamespace({ workload, installation }: Situation): string | undefined {
  const closed = [installation.ownNamespace, 'kube-system'].includes(workload.namespace)
  return closed ? `namespace ${workload.namespace} never gets sidecars` : undefined
}

/** The API server would reject such a template anyway; it is left for it to say so. */
function unreadableTemplate({ workload: { template } }: Situation): string | undefined {
  if (template === undefined) return 'the object has no pod template'
  const spec = template['spec']
  if (!isObject(spec)) return 'the pod template has no spec'
  if (arrayAt(spec, 'containers').length === 0) return 'the pod template has no containers'
  const lists = ['initContainers', 'volumes'].filter((key) => !isListOrMissing(spec[key]))
  const maps = isMapOrMissing(template['metadata']) ? [] : ['metadata']
  if (!isMapOrMissing(valueAt(template, 'metadata', 'annotations'))) maps.push('annotations')
  const malformed = [...lists, ...maps]
  return malformed.length > 0 ? `malformed in the pod template: ${malformed.join()}` : undefined
}

function templateUnchanged({ workload }: Situation): string | undefined {
  return isUnchanged(workload) ? 'nobody asked for a rollout' : undefined
}

/** What people go back to is theirs to say. */
function rolledBack({ workload, cluster }: Situation): string | undefined {
  return isRolledBack(workload, cluster?.revisions)
    ? 'an older template is put back as it was'
    : undefined
}

function namespaceUnknown({ workload, namespace }: Situation): string | undefined {
  return namespace === undefined
    ? `namespace ${workload.namespace} could not be read; try again: kubectl rollout restart`
    : undefined
}

function optedOut({ workload }: Situation): string | undefined {
  const out = injectValue(annotationsOf(workload.template ?? {})) === false
  return out ? `${INJECT} is disabled on the pod template` : undefined
}

/**
 * In a namespace that is not enabled nothing but its own podtap.dev/inject is read: what stands on a
 * template there has no effect, so it cannot be wrong.
 */
function badAnnotation({ workload, namespace, cluster }: Situation): string | undefined {
  const ofNamespace = namespace?.annotations ?? {}
  const problem = injectProblem(ofNamespace)
  if (problem !== undefined) return `on the namespace: ${problem}`
  if (injectValue(ofNamespace) !== true) return undefined
  const ofTemplate = annotationsOf(workload.template ?? {})
  const problems = [injectProblem(ofTemplate), ...readOverrides(ofNamespace, ofTemplate).problems]
  const uncompiled = cluster?.filterProblem
  return (
    problems.find((found) => found !== undefined) ??
    (uncompiled === undefined ? undefined : `${FILTER}: ${uncompiled}`)
  )
}

function notEnabled({ workload, namespace }: Situation): string | undefined {
  return injectValue(namespace?.annotations ?? {}) === true
    ? undefined
    : `namespace ${workload.namespace} is not annotated ${INJECT}: enabled`
}

function isListOrMissing(value: unknown): boolean {
  return value === undefined || value === null || Array.isArray(value)
}

function isMapOrMissing(value: unknown): boolean {
  return value === undefined || value === null || isObject(value)
}
