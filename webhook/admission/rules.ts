/** The reasons not to inject, each with the rule that finds it, in the order in which they are asked. */
import { SIDECAR_NAME } from '../../sidecar/contract.ts'
import {
  INJECT,
  injectProblem,
  injectValue,
  readOverrides,
  type Annotations,
} from './annotations.ts'
import { isRolledBack, isUnchanged } from './consent.ts'
import { arrayAt, isObject, objectAt, textAt, valueAt, type JsonObject } from './json.ts'
import type { Installation } from './settings.ts'
import { VOLUME_NAME } from './sidecar-container.ts'
import { isOwnContainer, isOwnVolume } from './uninject.ts'
import { annotationsOf, type Workload } from './workload.ts'

/** What is known about a namespace. */
export interface NamespaceFacts {
  readonly name: string
  readonly annotations: Annotations
  readonly labels: Annotations
}

/** Everything that a decision depends on. */
export interface Situation {
  readonly workload: Workload
  /** Undefined where the namespace could not be read. */
  readonly namespace: NamespaceFacts | undefined
  readonly installation: Installation
}

/**
 * Why a workload is left without a sidecar. Each value is a metric label and stands in audit logs, so
 * add values and never rename one.
 */
export type RefusalReason =
  | 'system-namespace'
  | 'unreadable-template'
  | 'template-unchanged'
  | 'rolled-back'
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
]

const PSA_ENFORCE = 'pod-security.kubernetes.io/enforce'

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

function rolledBack({ workload }: Situation): string | undefined {
  return isRolledBack(workload)
    ? 'an older template is back; kubectl rollout restart applies podtap to it'
    : undefined
}

/** Its controller made it from a template that podtap looks at. */
function ownedByWorkload({ workload }: Situation): string | undefined {
  const owner = controllerOf(workload.object)
  return owner !== undefined && workload.kind.makers.includes(textAt(owner, 'kind'))
    ? `made by ${describeOwner(owner)}`
    : undefined
}

/** An operator would undo the change, without end (jaeger-operator#1232). */
function operatorOwned({ workload }: Situation): string | undefined {
  const owner = workload.kind.templatePath.length > 0 ? controllerOf(workload.object) : undefined
  return owner && `owned by ${describeOwner(owner)}, which would undo the change`
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
function badAnnotation({ workload, namespace }: Situation): string | undefined {
  const ofNamespace = namespace?.annotations ?? {}
  const problem = injectProblem(ofNamespace)
  if (problem !== undefined) return `on the namespace: ${problem}`
  if (injectValue(ofNamespace) !== true) return undefined
  const ofTemplate = annotationsOf(workload.template ?? {})
  return injectProblem(ofTemplate) ?? readOverrides(ofNamespace, ofTemplate).problems[0]
}

function notEnabled({ workload, namespace }: Situation): string | undefined {
  return injectValue(namespace?.annotations ?? {}) === true
    ? undefined
    : `namespace ${workload.namespace} is not annotated ${INJECT}: enabled`
}

/** Mirroring the sensor would mirror the mirror. */
function isSensor({ workload, installation }: Situation): string | undefined {
  const { sensor, sensorLabel, sensorNamespace } = installation.sidecar
  const label = textAt(workload.template, 'metadata', 'labels', sensorLabel)
  return workload.namespace === sensorNamespace && label === sensor
    ? `its pods are the sensor (${sensorLabel}=${sensor})`
    : undefined
}

/** Such a pod has no interface of its own: all traffic of its node would be mirrored. */
function hostNetwork({ workload }: Situation): string | undefined {
  return valueAt(workload.template, 'spec', 'hostNetwork') === true
    ? 'its pods use the network of their node (hostNetwork)'
    : undefined
}

function windows({ workload }: Situation): string | undefined {
  const system =
    textAt(workload.template, 'spec', 'os', 'name') ||
    textAt(workload.template, 'spec', 'nodeSelector', 'kubernetes.io/os')
  return system === 'windows' ? 'its pods run on Windows' : undefined
}

/** Pod Security rejects pods, not templates: the rollout would hang without a pod. */
function podSecurity({ namespace }: Situation): string | undefined {
  const level = namespace?.labels[PSA_ENFORCE] ?? ''
  return ['baseline', 'restricted'].includes(level)
    ? `the namespace enforces Pod Security "${level}", which forbids NET_RAW`
    : undefined
}

function neverEnds({ workload }: Situation): string | undefined {
  const job = workload.kind.endsByItself
  return job ? 'its pods would never end: the sidecar runs as long as they do' : undefined
}

/** A container or volume of podtap's name that podtap did not make. */
function nameTaken({ workload: { template } }: Situation): string | undefined {
  const spec = objectAt(template, 'spec')
  const containers = [...arrayAt(spec, 'containers'), ...arrayAt(spec, 'initContainers')]
  const taken = [
    ...foreign(containers, SIDECAR_NAME, isOwnContainer),
    ...foreign(arrayAt(spec, 'volumes'), VOLUME_NAME, isOwnVolume),
  ]
  return taken[0] === undefined ? undefined : `the name ${taken[0]} is taken in the pod template`
}

function foreign(
  list: readonly unknown[],
  name: string,
  isOwn: (element: unknown) => boolean,
): readonly string[] {
  return list.some((element) => valueAt(element, 'name') === name && !isOwn(element)) ? [name] : []
}

function controllerOf(object: JsonObject): JsonObject | undefined {
  const owners = arrayAt(object, 'metadata', 'ownerReferences').filter(isObject)
  return owners.find((owner) => owner['controller'] === true)
}

function describeOwner(owner: JsonObject): string {
  return `${textAt(owner, 'kind')} ${textAt(owner, 'name')}`
}

function isListOrMissing(value: unknown): boolean {
  return value === undefined || value === null || Array.isArray(value)
}

function isMapOrMissing(value: unknown): boolean {
  return value === undefined || value === null || isObject(value)
}
