/** What is to be done about workloads whose pods are not as they should be. */
import { holdUp } from '../../webhook/coverage/rollout.ts'
import type { WorkloadCoverage } from '../../webhook/coverage/coverage.ts'
import { DRIFTED, type CoverageState } from '../../webhook/coverage/judge.ts'

/**
 * - `restart`: by rollout
 * - `update`: its template, for the pods that it will make; none restarts
 * - `leave`: somebody else has to do something
 */
export type Action = 'restart' | 'update' | 'leave'

/** One workload of a plan. */
export interface Step {
  readonly workload: WorkloadCoverage
  readonly action: Action
  /** The worst state that is found in it. */
  readonly state: CoverageState
  /** Pods that are not as they should be. */
  readonly drifted: number
  /** Why it is left, or what an update means; empty for a restart. */
  readonly remark: string
}

/** How people write it: `deployment/web`. */
export function referenceOf({ kind, name }: WorkloadCoverage): string {
  return `${kind.toLowerCase()}/${name}`
}

/** A step for each workload that is not as it should be, in their order. */
export function planRefresh(workloads: readonly WorkloadCoverage[]): readonly Step[] {
  return workloads.flatMap((workload) => {
    const state = worstOf(workload)
    if (state === undefined) return []
    const drifted = workload.pods.filter((pod) => DRIFTED.includes(pod.state)).length
    return [{ workload, state, drifted, ...actionFor(workload) }]
  })
}

function worstOf({ state, pods }: WorkloadCoverage): CoverageState | undefined {
  const states = [state, ...pods.map((pod) => pod.state)]
  return WORST_FIRST.find((each) => states.includes(each))
}

const WORST_FIRST = ['missed', 'stale', 'unwanted'] as const

function actionFor(workload: WorkloadCoverage): Pick<Step, 'action' | 'remark'> {
  const { kind, object, state, reason, detail } = workload
  if (object === undefined || kind === 'Job') return { action: 'leave', remark: MADE_BY_OTHERS }
  if (reason === 'operator-owned')
    return { action: 'leave', remark: `${detail}; that one has to make its pods anew` }
  if (kind === 'CronJob') {
    if (!DRIFTED.includes(state)) return { action: 'leave', remark: 'its pods end by themselves' }
    return { action: 'update', remark: 'takes effect at its next run' }
  }
  const held = holdUp(object)
  return held === undefined ? { action: 'restart', remark: '' } : { action: 'leave', remark: held }
}

const MADE_BY_OTHERS = 'must be made anew by whoever made it'
