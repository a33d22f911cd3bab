/** What the figures of a run should reach, and whether they do. */
import { QUOTA_US, type Traffic } from './plan.ts'
import type { Measured, Result, Results } from './results.ts'

/** One goal, as it is printed. */
export interface GoalOutcome {
  readonly goal: string
  /** Undefined: this run has not measured it. */
  readonly value: string | undefined
  readonly wanted: string
  readonly reached: boolean | undefined
  /** What stands in the way. */
  readonly why?: string
}

const PERIOD_US = 100_000
const SMALL_QUOTA = 'inside a fifth of the quota, as the generator cannot overload all of it'

/** All goals, in the order in which they are printed. */
export function checkGoals(results: Results): GoalOutcome[] {
  return [
    cpuRatio(results, '60', ['ring', 'npm-cap'], 1 / 8),
    cpuRatio(results, '60', ['ring', 'cap'], 1 / 8),
    cpuRatio(results, '60', ['ring', 'kernel'], 0.35),
    cpuRatio(results, '1400', ['ring', 'npm-cap'], 1 / 6),
    cpuRatio(results, '1400', ['ring', 'cap'], 1 / 6),
    cpuRatio(results, '1400', ['ring', 'kernel'], 0.8),
    cpuRatio(results, '1514', ['ring', 'ring-fragment'], 0.5),
    cpuRatio(results, 'imix', ['ring', 'ring-nogso'], 0.85),
    cpuRatio(results, 'tcp', ['ring', 'npm-cap'], 0.55),
    cpuRatio(results, 'tcp', ['ring', 'cap'], 0.55),
    cpuRatio(results, 'tcp', ['ring', 'ring-fragment'], 0.9),
    lossFreeRatio(results, '60', { other: 'npm-cap', wanted: 40 }),
    lossFreeRatio(results, '60', { other: 'cap', wanted: 40 }),
    lossFreeRatio(results, 'imix', { other: 'npm-cap', wanted: 12 }),
    lossFreeRatio(results, 'imix', { other: 'cap', wanted: 12 }),
    overload(results, '60'),
    overload(results, 'imix'),
    atLeast('TCP without loss inside the quota, Mbit/s', figure(results, 'tcp', 'lossfree_mbits'), {
      wanted: 1200,
    }),
    atMost('RSS of ring, MB', figure(results, '60', 'rss_mb'), 95),
    atMost('idle CPU of ring, % of one', figure(results, '60', 'idle_cpu_percent'), 0.3),
  ]
}

type Figure = 'us_per_frame' | 'lossfree_mbits' | 'rss_mb' | 'idle_cpu_percent'

function figure(results: Results, traffic: Traffic, name: Figure): number | undefined {
  return results.find('ring', traffic)?.[name]
}

function cpuRatio(
  results: Results,
  traffic: Traffic,
  [engine, other]: readonly [Measured, Measured],
  wanted: number,
): GoalOutcome {
  const costOf = (name: Measured): number | undefined => results.find(name, traffic)?.us_per_frame
  const ratio = quotient(costOf(engine), costOf(other))
  const outcome = atMost(`CPU per frame, ${traffic}: ${engine} / ${other}`, ratio, wanted)
  const least = quotient(costOf('send-only'), costOf(other))
  if (outcome.reached !== false || least === undefined) return outcome
  return { ...outcome, why: `sending alone, without capturing anything, is ${least.toFixed(2)}` }
}

/** No more can be seen than the generator sends, nor than the quota holds at the CPU time of a frame. */
function lossFreeRatio(
  results: Results,
  traffic: Traffic,
  { other, wanted }: { readonly other: Measured; readonly wanted: number },
): GoalOutcome {
  const ring = results.find('ring', traffic)
  const cap = results.find(other, traffic)
  const ratio = quotient(ring?.lossfree_fps, cap?.lossfree_fps)
  const goal = `loss-free rate, ${traffic}: ring / ${other}`
  if (ratio === undefined || ring === undefined || cap === undefined || ratio >= wanted) {
    return atLeast(goal, ratio, { wanted })
  }
  const isAtLimit = ring.lossfree_is_generator_limit === true
  const why = isAtLimit ? `the generator ends there; ${quotaOf(ring)}, ${quotaOf(cap)}` : undefined
  return atLeast(goal, ratio, {
    wanted,
    isAtLimit,
    why: why ?? `${quotaOf(ring)}, ${quotaOf(cap)}`,
  })
}

function quotaOf({ engine, us_per_frame: us = NaN }: Result): string {
  const fps = (QUOTA_US * (1_000_000 / PERIOD_US)) / us
  return `at its CPU time per frame ${engine} fits the quota ${Math.round(fps).toLocaleString('en')} times a second`
}

function overload(results: Results, traffic: Traffic): GoalOutcome {
  const ring = results.find('ring', traffic)
  const share = ring?.overload_share
  const why = ring?.lossfree_is_generator_limit === true ? SMALL_QUOTA : undefined
  // Both rates are counted over one load of some seconds.
  return atLeast(
    `delivered at twice the loss-free rate / at that rate, ${traffic}: ring`,
    share === undefined ? undefined : Math.round(share * 100) / 100,
    { wanted: 1, ...(why && { why }) },
  )
}

function atMost(goal: string, value: number | undefined, wanted: number): GoalOutcome {
  const reached = value === undefined ? undefined : value <= wanted
  return { goal, value: value?.toFixed(2), wanted: `≤ ${short(wanted)}`, reached }
}

function atLeast(
  goal: string,
  value: number | undefined,
  limit: { readonly wanted: number; readonly isAtLimit?: boolean; readonly why?: string },
): GoalOutcome {
  const { wanted, isAtLimit = false, why } = limit
  const reached = value === undefined ? undefined : value >= wanted
  const text = value === undefined ? undefined : `${isAtLimit ? '≥ ' : ''}${short(value)}`
  return { goal, value: text, wanted: `≥ ${short(wanted)}`, reached, ...(why && { why }) }
}

function quotient(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined || by === 0 ? undefined : value / by
}

function short(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toFixed(value < 10 ? 2 : 1)
}
