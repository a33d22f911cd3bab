/** Rates of sidecars, from two looks at their counters. Pure. */
import type { SeenPod } from '../cluster/survey-cluster.ts'
import type { CountsRead } from '../sidecars/read-counts.ts'
import type { SidecarCounts } from '../sidecars/sidecar-counts.ts'

/** What `podtap top` shows of one pod; `-o json` writes it: add fields, never rename one. */
export interface PodRates {
  readonly namespace: string
  readonly pod: string
  readonly node: string
  readonly sensors: readonly string[]
  /** Captured per second. */
  readonly framesPerSecond: number
  readonly bitsPerSecond: number
  /** Not sent, per second, by reason; those that do not occur are left out. */
  readonly droppedPerSecond: Readonly<Record<string, number>>
  /** The part of the captured frames that was not sent, 0…1. */
  readonly loss: number
  /** Why nothing is known; undefined: all of the above is known. */
  readonly problem?: string
}

/** One look at the sidecars, by `namespace/name`. */
export type Look = ReadonlyMap<string, { readonly pod: SeenPod; readonly read: CountsRead }>

/** The rates between two looks, the busiest pod first; pods that only one look saw have none yet. */
export function ratesBetween(before: Look, now: Look): readonly PodRates[] {
  const rates = [...now].map(([key, { pod, read }]) => ratesOf(pod, before.get(key)?.read, read))
  return rates.sort((a, b) => b.framesPerSecond - a.framesPerSecond || (a.pod < b.pod ? -1 : 1))
}

/** All pods together, under the name of none. */
export function totalOf(
  rates: readonly PodRates[],
): Pick<PodRates, 'framesPerSecond' | 'bitsPerSecond' | 'loss'> {
  const sum = (value: (each: PodRates) => number): number =>
    rates.reduce((total, each) => total + value(each), 0)
  const framesPerSecond = sum((each) => each.framesPerSecond)
  const dropped = sum((each) => sumOfValues(each.droppedPerSecond))
  return {
    framesPerSecond,
    bitsPerSecond: sum((each) => each.bitsPerSecond),
    loss: framesPerSecond > 0 ? dropped / framesPerSecond : 0,
  }
}

function ratesOf(pod: SeenPod, before: CountsRead | undefined, now: CountsRead): PodRates {
  const named = { namespace: pod.namespace, pod: pod.name, node: pod.node }
  const nothing = { framesPerSecond: 0, bitsPerSecond: 0, droppedPerSecond: {}, loss: 0 }
  if ('problem' in now.counts)
    return { ...named, sensors: [], ...nothing, problem: now.counts.problem }
  const { value } = now.counts
  const sensors = value.destinations.map(({ sensor }) => sensor)
  const earlier = before === undefined || 'problem' in before.counts ? undefined : before.counts
  if (before === undefined || earlier === undefined)
    return { ...named, sensors, ...nothing, problem: 'seen once only' }
  const seconds = Math.max(0.001, (now.at - before.at) / 1000)
  return { ...named, sensors, ...differences(earlier.value, value, seconds) }
}

function differences(
  before: SidecarCounts,
  now: SidecarCounts,
  seconds: number,
): Pick<PodRates, 'framesPerSecond' | 'bitsPerSecond' | 'droppedPerSecond' | 'loss'> {
  const framesPerSecond = rise(before.capturedFrames, now.capturedFrames) / seconds
  const dropped = Object.entries(now.dropped)
    .map(
      ([reason, frames]) => [reason, rise(before.dropped[reason] ?? 0, frames) / seconds] as const,
    )
    .filter(([, perSecond]) => perSecond > 0)
  const droppedPerSecond = Object.fromEntries(dropped)
  return {
    framesPerSecond,
    bitsPerSecond: (rise(before.capturedBytes, now.capturedBytes) * 8) / seconds,
    droppedPerSecond,
    loss: framesPerSecond > 0 ? sumOfValues(droppedPerSecond) / framesPerSecond : 0,
  }
}

/** A counter that fell began anew: the sidecar was restarted. */
function rise(before: number, now: number): number {
  return now >= before ? now - before : now
}

function sumOfValues(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((sum, value) => sum + value, 0)
}
