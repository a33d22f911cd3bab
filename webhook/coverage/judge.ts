/** How a template, or a pod, stands to what the webhook would make of it now. */
import { admit } from '../admission/admit.ts'
import { RESTARTED_AT } from '../admission/consent.ts'
import { decide, type Reason } from '../admission/decide.ts'
import { objectAt, type JsonObject } from '../admission/json.ts'
import { RULES } from '../admission/rules.ts'
import type { Situation } from '../admission/situation.ts'
import { configHashOf } from '../admission/status.ts'
import { hasSidecar } from '../admission/uninject.ts'

/**
 * Each value is a metric label, so add values and never rename one.
 * - `mirrored`: it has the sidecar that it should have
 * - `stale`: it has a sidecar, and would get another one (another config hash)
 * - `missed`: it should have a sidecar and has none: it was made while the webhook was away, or before
 *   its namespace was enabled, and was not restarted since
 * - `unwanted`: it has a sidecar and would lose it: it was opted out since, say
 * - `refused`: it has none and would get none; the reason is one of the webhook's
 */
export const COVERAGE_STATES = ['mirrored', 'stale', 'missed', 'unwanted', 'refused'] as const

/** One of COVERAGE_STATES. */
export type CoverageState = (typeof COVERAGE_STATES)[number]

/** The states that a restart mends. */
export const DRIFTED: readonly CoverageState[] = ['stale', 'missed', 'unwanted']

/** What the webhook would do at the next rollout. */
export interface Expected {
  readonly reason: Reason
  /** Why, in words. */
  readonly detail: string
  /** Identifies the sidecar that pods would have; empty: they would have none. */
  readonly configHash: string
  /** Whether a sidecar that is there is taken out. */
  readonly removes: boolean
}

/** The sidecar that something has. */
export interface Carried {
  readonly sidecar: boolean
  /** As its status says; empty: it does not say. */
  readonly configHash: string
}

/** How something stands, and the webhook's reason for it. */
export interface Judgement {
  readonly state: CoverageState
  readonly reason: Reason
  readonly detail: string
}

/**
 * What the webhook would do if the workload were restarted now: decide() is asked about that very
 * update, so that the two cannot disagree. The workload is as it is stored, without an old template.
 */
export function expectedAtRestart(situation: Situation): Expected {
  const restarted = { ...situation, workload: asRestarted(situation.workload) }
  const { reason, detail, configHash } = admit(restarted)
  if (decide(restarted).action === 'inject') return { reason, detail, configHash, removes: false }
  // Not the action: a template without a sidecar is left as it is, while its older pods have one.
  const removes = RULES.some((rule) => rule.reason === reason && rule.removes)
  return { reason, detail, configHash: '', removes }
}

/** How something that carries `carried` stands to what is expected. */
export function judge(carried: Carried, expected: Expected): Judgement {
  const { reason, detail } = expected
  return { state: stateOf(carried, expected), reason, detail }
}

/** The sidecar of a template, or of a pod. */
export function carriedBy(template: JsonObject): Carried {
  return { sidecar: hasSidecar(template), configHash: configHashOf(template) }
}

function stateOf({ sidecar, configHash }: Carried, expected: Expected): CoverageState {
  if (expected.configHash === '') return sidecar && expected.removes ? 'unwanted' : 'refused'
  if (!sidecar) return 'missed'
  return configHash === expected.configHash ? 'mirrored' : 'stale'
}

/** Later than any restart: a time before the last one would look like `rollout undo`. */
const LATEST = '9999-12-31T23:59:59Z'

/** `kubectl rollout restart`, as the webhook would see it. */
export function asRestarted(workload: Situation['workload']): Situation['workload'] {
  const { template } = workload
  if (template === undefined) return workload
  const metadata = objectAt(template, 'metadata')
  const annotations = { ...objectAt(metadata, 'annotations'), [RESTARTED_AT]: LATEST }
  const restarted = { ...template, metadata: { ...metadata, annotations } }
  return { ...workload, operation: 'UPDATE', template: restarted, oldTemplate: template }
}
