/**
 * LimitRanges and ResourceQuotas reject pods, not templates: a workload that exceeds one is accepted and
 * then never gets a pod. So what they would say of a pod with the sidecar is asked before.
 * Source: plugin/pkg/admission/limitranger in kubernetes/kubernetes.
 */
import { arrayAt, isObject, objectAt, textAt, without, type JsonObject } from './json.ts'
import {
  containerAmounts,
  NO_DEFAULTS,
  podAmounts,
  podLevelAmounts,
  readAmounts,
  type Amounts,
  type ContainerDefaults,
} from './pod-resources.ts'
import { isOwnContainer } from './uninject.ts'

/** What holds in one namespace. */
export interface NamespaceLimits {
  /** LimitRange objects. */
  readonly limitRanges: readonly JsonObject[]
  /** ResourceQuota objects. */
  readonly quotas: readonly JsonObject[]
}

/** One limit of a LimitRange, and what it says of whom. */
interface Subject {
  /** `pod` or `sidecar`: whom messages name. */
  readonly name: string
  readonly requests: Amounts
  readonly limits: Amounts
}

/** Why a LimitRange would reject a pod of `template`, which has the sidecar; undefined: none would. */
export function limitRangeProblem(
  template: JsonObject,
  { limitRanges }: NamespaceLimits,
): string | undefined {
  const defaults = defaultsOf(limitRanges)
  for (const limitRange of limitRanges) {
    for (const item of itemsOf(limitRange)) {
      const subject = subjectOf(template, textAt(item, 'type'), defaults)
      const problem = subject && itemProblem(item, subject)
      if (problem !== undefined) return `LimitRange ${nameOf(limitRange)}: ${problem}`
    }
  }
  return undefined
}

/** What the LimitRanges of a namespace give to containers. */
export function defaultsOf(limitRanges: readonly JsonObject[]): ContainerDefaults {
  const items = limitRanges.flatMap(itemsOf).filter((item) => item['type'] === 'Container')
  return items.reduce<ContainerDefaults>(
    (known, item) => ({
      requests: new Map([...known.requests, ...readAmounts(objectAt(item, 'defaultRequest'))]),
      limits: new Map([...known.limits, ...readAmounts(objectAt(item, 'default'))]),
    }),
    NO_DEFAULTS,
  )
}

/**
 * Why the API server would refuse the template itself: what a pod says for all its containers
 * (`spec.resources`) must be enough for them. undefined: it would not.
 */
export function podLevelProblem(template: JsonObject): string | undefined {
  const declared = podLevelAmounts(template, 'requests')
  if (declared.size === 0) return undefined
  const spec = without(objectAt(template, 'spec'), 'resources')
  const needed = podAmounts({ ...template, spec }, 'requests')
  const short = [...declared].find(([name, amount]) => (needed.get(name) ?? 0n) > amount)
  return short && `spec.resources leaves no room for the sidecar's ${short[0]} request`
}

function itemsOf(limitRange: JsonObject): readonly JsonObject[] {
  return arrayAt(limitRange, 'spec', 'limits').filter(isObject)
}

/** What a limit of this type looks at: of the containers only podtap's, the others are not its matter. */
function subjectOf(
  template: JsonObject,
  type: string,
  defaults: ContainerDefaults,
): Subject | undefined {
  if (type === 'Pod') {
    const requests = podAmounts(template, 'requests', defaults)
    return { name: 'pod', requests, limits: podAmounts(template, 'limits', defaults) }
  }
  const spec = objectAt(template, 'spec')
  const containers = [...arrayAt(spec, 'containers'), ...arrayAt(spec, 'initContainers')]
  const sidecar = containers.find(isOwnContainer)
  if (type !== 'Container' || sidecar === undefined) return undefined
  const requests = containerAmounts(sidecar, 'requests', defaults)
  return { name: 'sidecar', requests, limits: containerAmounts(sidecar, 'limits', defaults) }
}

function itemProblem(item: JsonObject, subject: Subject): string | undefined {
  return (
    minProblem(readAmounts(objectAt(item, 'min')), subject) ??
    maxProblem(readAmounts(objectAt(item, 'max')), subject) ??
    ratioProblem(readAmounts(objectAt(item, 'maxLimitRequestRatio')), subject)
  )
}

function minProblem(min: Amounts, { name, requests, limits }: Subject): string | undefined {
  for (const [resource, least] of min) {
    const request = requests.get(resource)
    if (request === undefined || request < least) return `${name} ${resource} is below its minimum`
    if ((limits.get(resource) ?? least) < least) return `${name} ${resource} is below its minimum`
  }
  return undefined
}

function maxProblem(max: Amounts, { name, requests, limits }: Subject): string | undefined {
  for (const [resource, most] of max) {
    const limit = limits.get(resource)
    if (limit === undefined || limit > most) return `${name} ${resource} is above its maximum`
    if ((requests.get(resource) ?? 0n) > most) return `${name} ${resource} is above its maximum`
  }
  return undefined
}

/** Ratios are quantities themselves: limit > ratio × request, both sides in billionths. */
function ratioProblem(ratios: Amounts, { name, requests, limits }: Subject): string | undefined {
  for (const [resource, ratio] of ratios) {
    const request = requests.get(resource) ?? 0n
    const limit = limits.get(resource) ?? 0n
    const over = request === 0n || limit === 0n || limit * 10n ** 9n > ratio * request
    if (over) return `${name} ${resource} is above its limit to request ratio`
  }
  return undefined
}

function nameOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'name')
}
