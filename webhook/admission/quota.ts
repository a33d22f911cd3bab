/**
 * Whether ResourceQuotas leave room for the sidecar. A quota that is too small even without it is not
 * the sidecar's doing, and nothing is refused for it.
 * Source: pkg/quota/v1/evaluator/core/pods.go in kubernetes/kubernetes.
 */
import { arrayAt, objectAt, textAt, valueAt, type JsonObject } from './json.ts'
import { defaultsOf, type NamespaceLimits } from './limits.ts'
import { podAmounts, readAmounts, type Amounts, type Side } from './pod-resources.ts'
import type { Workload } from './workload.ts'

/** The templates that are compared. */
export interface Versions {
  /** Without the sidecar. */
  readonly bare: JsonObject
  /** With it. */
  readonly injected: JsonObject
}

/** What a quota counts, by the names that it has for it, and where that is found in a pod. */
const COUNTED: Readonly<Record<string, readonly [side: Side, resource: string]>> = {
  cpu: ['requests', 'cpu'],
  memory: ['requests', 'memory'],
  'requests.cpu': ['requests', 'cpu'],
  'requests.memory': ['requests', 'memory'],
  'limits.cpu': ['limits', 'cpu'],
  'limits.memory': ['limits', 'memory'],
}

/** Pods that a change of a workload touches. */
interface Rollout {
  /** Pods that run in the end. */
  readonly pods: bigint
  /** Whether as many pods of the old template run now. */
  readonly replaces: boolean
  /** Whether a new pod has to start before an old one ends. */
  readonly surges: boolean
}

/** Why pods with the sidecar would exceed a quota where those without it do not; undefined: they fit. */
export function quotaProblem(
  workload: Workload,
  versions: Versions,
  limits: NamespaceLimits,
): string | undefined {
  for (const quota of limits.quotas) {
    if (!appliesTo(quota, versions.injected)) continue
    const resource = exceeded(quota, { workload, versions, limits })
    if (resource === undefined) continue
    return `ResourceQuota ${textAt(quota, 'metadata', 'name')}: no ${resource} is left for the sidecar`
  }
  return undefined
}

/** The first resource of `quota` for which the sidecar is too much. */
function exceeded(
  quota: JsonObject,
  {
    workload,
    versions,
    limits,
  }: { workload: Workload; versions: Versions; limits: NamespaceLimits },
): string | undefined {
  const hard = readAmounts(objectAt(quota, 'status', 'hard'))
  const used = readAmounts(objectAt(quota, 'status', 'used'))
  const defaults = defaultsOf(limits.limitRanges)
  const rollout = rolloutOf(workload)
  return [...hard.keys()].find((name) => {
    const [side, resource] = COUNTED[name] ?? []
    if (side === undefined || resource === undefined) return false
    const amount = (template: JsonObject): bigint =>
      podAmounts(template, side, defaults).get(resource) ?? 0n
    const old = workload.oldTemplate === undefined ? 0n : amount(workload.oldTemplate)
    const free = room(hard, used, name)
    const fits = (template: JsonObject): boolean => free >= needed(rollout, old, amount(template))
    return fits(versions.bare) && !fits(versions.injected)
  })
}

/** What a rollout takes beyond what runs now: at the end, and while the first pod is replaced. */
function needed({ pods, replaces, surges }: Rollout, old: bigint, pod: bigint): bigint {
  if (!replaces) return pods * pod
  const inTheEnd = pods * (pod - old)
  const meanwhile = pods > 0n && surges ? pod : 0n
  return inTheEnd > meanwhile ? inTheEnd : meanwhile
}

function room(hard: Amounts, used: Amounts, name: string): bigint {
  return (hard.get(name) ?? 0n) - (used.get(name) ?? 0n)
}

function rolloutOf({ kind, object, oldTemplate }: Workload): Rollout {
  const spec = objectAt(object, 'spec')
  const of = kind.kind === 'CronJob' ? objectAt(spec, 'jobTemplate', 'spec') : spec
  // DaemonSets say nothing of how many pods they have.
  const declared = kind.endsByItself ? of['parallelism'] : of['replicas']
  const count = typeof declared === 'number' && Number.isInteger(declared) ? declared : 1
  const pods = BigInt(Math.max(0, kind.templatePath.length === 0 ? 1 : count))
  return { pods, replaces: oldTemplate !== undefined, surges: surges(kind.kind, spec, count) }
}

/**
 * Deployments start a new pod first where no old one may be missing; percentages of maxUnavailable are
 * rounded down (ResolveFenceposts in pkg/controller/deployment/util). The others end the old one first.
 */
function surges(kind: string, spec: JsonObject, replicas: number): boolean {
  if (kind !== 'Deployment' || valueAt(spec, 'strategy', 'type') === 'Recreate') return false
  const unavailable = valueAt(spec, 'strategy', 'rollingUpdate', 'maxUnavailable') ?? '25%'
  if (typeof unavailable === 'number') return unavailable === 0
  const percent = Number.parseInt(typeof unavailable === 'string' ? unavailable : '', 10)
  return Math.floor((replicas * percent) / 100) === 0
}

/** Whether a quota counts such pods at all, by its scopes. A pod with the sidecar is never BestEffort. */
function appliesTo(quota: JsonObject, template: JsonObject): boolean {
  const expressions = [
    ...arrayAt(quota, 'spec', 'scopes').map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...arrayAt(quota, 'spec', 'scopeSelector', 'matchExpressions'),
  ]
  return expressions.every((expression) => inScope(expression, objectAt(template, 'spec')))
}

function inScope(expression: unknown, spec: JsonObject): boolean {
  const terminating = typeof spec['activeDeadlineSeconds'] === 'number'
  switch (textAt(expression, 'scopeName')) {
    case 'NotBestEffort':
      return true
    case 'Terminating':
      return terminating
    case 'NotTerminating':
      return !terminating
    case 'PriorityClass':
      return hasPriority(expression, textAt(spec, 'priorityClassName'))
    default:
      // BestEffort, and scopes that are not about size.
      return false
  }
}

function hasPriority(expression: unknown, priorityClass: string): boolean {
  const listed = arrayAt(expression, 'values').includes(priorityClass)
  switch (textAt(expression, 'operator')) {
    case 'In':
      return listed
    case 'NotIn':
      return !listed
    case 'DoesNotExist':
      return priorityClass === ''
    default:
      return priorityClass !== ''
  }
}
