/** What a pod of a template asks of its node and of its namespace, as the API server counts it. */
import { arrayAt, isObject, objectAt, valueAt, type JsonObject } from './json.ts'
import { parseQuantity } from './quantity.ts'

/** Amounts by resource (`cpu`, `memory` …), in billionths. */
export type Amounts = ReadonlyMap<string, bigint>

/** The two sides of `resources`. */
export type Side = 'requests' | 'limits'

/** What LimitRanges give to containers that do not say it themselves. */
export type ContainerDefaults = Readonly<Record<Side, Amounts>>

/** No defaults. */
export const NO_DEFAULTS: ContainerDefaults = { requests: new Map(), limits: new Map() }

/** Reads a map of quantities; whatever is no quantity is left out. */
export function readAmounts(map: JsonObject): Amounts {
  const amounts = Object.entries(map).map(([name, raw]) => [name, parseQuantity(raw)] as const)
  return new Map(amounts.filter((entry): entry is [string, bigint] => entry[1] !== undefined))
}

/** One side of a container, with what is filled in: a limit is also the request, then the defaults. */
export function containerAmounts(
  container: unknown,
  side: Side,
  defaults: ContainerDefaults,
): Amounts {
  const limits = readAmounts(objectAt(container, 'resources', 'limits'))
  if (side === 'limits') return new Map([...defaults.limits, ...limits])
  const requests = readAmounts(objectAt(container, 'resources', 'requests'))
  return new Map([...defaults.requests, ...limits, ...requests])
}

/**
 * One side of a whole pod: its containers together, or its most demanding moment while it starts, with
 * the native sidecars that run by then; then its overhead. What the pod itself says comes before that.
 * Source: PodRequests() and PodLimits() in k8s.io/component-helpers/resource.
 */
export function podAmounts(template: JsonObject, side: Side, defaults = NO_DEFAULTS): Amounts {
  const spec = objectAt(template, 'spec')
  const read = (container: unknown): Amounts => containerAmounts(container, side, defaults)
  const { sidecars, peak } = startUp(arrayAt(spec, 'initContainers'), read)
  const running = arrayAt(spec, 'containers').map(read).reduce(plus, sidecars)
  const together = plus(larger(running, peak), overheadOf(spec))
  return new Map([...together, ...podLevelAmounts(template, side)])
}

/** What the pod itself says, beside its containers (`spec.resources`, Kubernetes 1.32). */
export function podLevelAmounts(template: JsonObject, side: Side): Amounts {
  const limits = readAmounts(objectAt(template, 'spec', 'resources', 'limits'))
  const requests = readAmounts(objectAt(template, 'spec', 'resources', 'requests'))
  return side === 'limits' ? limits : new Map([...limits, ...requests])
}

/** What native sidecars take together, and the most that is taken at one moment of the start. */
function startUp(
  initContainers: readonly unknown[],
  read: (container: unknown) => Amounts,
): { readonly sidecars: Amounts; readonly peak: Amounts } {
  let sidecars: Amounts = new Map()
  let peak: Amounts = new Map()
  for (const container of initContainers) {
    const taken = plus(sidecars, read(container))
    if (valueAt(container, 'restartPolicy') === 'Always') sidecars = taken
    peak = larger(peak, taken)
  }
  return { sidecars, peak }
}

function overheadOf(spec: JsonObject): Amounts {
  const overhead = spec['overhead']
  return isObject(overhead) ? readAmounts(overhead) : new Map()
}

function plus(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, (left, right) => left + right)
}

function larger(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, (left, right) => (left > right ? left : right))
}

function merged(a: Amounts, b: Amounts, join: (left: bigint, right: bigint) => bigint): Amounts {
  const names = [...new Set([...a.keys(), ...b.keys()])]
  return new Map(names.map((name) => [name, join(a.get(name) ?? 0n, b.get(name) ?? 0n)]))
}
