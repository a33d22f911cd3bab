/** Whether a workload gets the sidecar, loses it or stays as it is, and why. */
import type { SidecarSettings } from './settings.ts'
import { isDropped } from './consent.ts'
import type { JsonObject } from './json.ts'
import { RULES, type RefusalReason } from './rules.ts'
import { settingsFor } from './settings-for.ts'
import type { Situation } from './situation.ts'
import { hasSidecar } from './uninject.ts'

/** Why something was decided: the same word in warning, log, metric label and audit annotation. */
export type Reason = 'enabled' | RefusalReason

/** What became of a template in the end; a label of metrics. */
export type Verdict = 'injected' | 'removed' | 'unchanged'

/** What is to be done with a template. `detail` says why in words, for people. */
export type Decision =
  | {
      readonly action: 'inject'
      readonly reason: 'enabled'
      readonly detail: string
      readonly settings: SidecarSettings
    }
  | {
      /** The update dropped the sidecar and nothing else: what is stored stays as it is. */
      readonly action: 'restore'
      readonly reason: 'enabled'
      readonly detail: string
      readonly template: JsonObject
    }
  | {
      /** `remove`: the template carries a sidecar that it must no longer have. */
      readonly action: 'remove' | 'leave'
      readonly reason: RefusalReason
      readonly detail: string
    }

/** One question on the way to a decision, and whether it decided. */
export interface Step {
  readonly reason: RefusalReason
  /** Why the rule applies, in words; undefined where it does not. */
  readonly detail: string | undefined
}

/** Decides by the first of RULES that applies; where none does, the sidecar is injected. */
export function decide(situation: Situation): Decision {
  for (const rule of RULES) {
    const detail = rule.applies(situation)
    if (detail === undefined) continue
    const removes = rule.removes && hasSidecar(situation.workload.template ?? {})
    return { action: removes ? 'remove' : 'leave', reason: rule.reason, detail }
  }
  const { workload } = situation
  const reason = 'enabled'
  if (workload.oldTemplate !== undefined && isDropped(workload)) {
    const detail = 'the update dropped the sidecar and nothing else'
    return { action: 'restore', reason, detail, template: workload.oldTemplate }
  }
  const detail = `namespace ${workload.namespace} is enabled`
  return { action: 'inject', reason, detail, settings: settingsFor(situation) }
}

/** The questions that decide() asked, in order; only the last one can have decided. */
export function decisionPath(situation: Situation): readonly Step[] {
  const steps: Step[] = []
  for (const rule of RULES) {
    const detail = rule.applies(situation)
    steps.push({ reason: rule.reason, detail })
    if (detail !== undefined) break
  }
  return steps
}
