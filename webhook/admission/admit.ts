/** The answer to a workload's review: decision, patch and what people are told. Pure. */
import { decide, type Decision, type Reason, type Verdict } from './decide.ts'
import { inject } from './inject.ts'
import type { JsonObject } from './json.ts'
import { decisionLines, hintsFor, isQuiet, restartHint, warningText } from './messages.ts'
import { diffTemplate, type PatchOperation } from './patch.ts'
import type { RefusalReason } from './rules.ts'
import type { Situation } from './situation.ts'
import { configHashOf } from './status.ts'
import { uninject } from './uninject.ts'
import { isRestarted } from './consent.ts'
import { referenceOf } from './workload.ts'

/** What is answered to a review, and what is logged and counted about it. */
export interface Outcome {
  readonly verdict: Verdict
  readonly reason: Reason
  /** Why, in words. */
  readonly detail: string
  /** Empty where the template stays as it is. */
  readonly patch: readonly PatchOperation[]
  /** Each of at most 120 characters. */
  readonly warnings: readonly string[]
  /** Identifies the sidecar that the template has afterwards; empty: it has none. */
  readonly configHash: string
}

/**
 * Refusals that rest on what is known of the namespace. A cache can lag behind `kubectl annotate`, so
 * whoever gets one of these reads the namespace itself and asks again.
 */
export const NAMESPACE_REASONS: readonly RefusalReason[] = [
  'namespace-unknown',
  'not-enabled',
  'bad-annotation',
  'pod-security',
]

/** Decides and applies the decision to the workload's template. */
export function admit(situation: Situation): Outcome {
  const { workload } = situation
  const decision = decide(situation)
  const before = workload.template ?? {}
  const after = applyDecision(before, decision)
  const patch = diffTemplate(workload.kind.templatePath, before, after)
  const verdict = verdictOf(decision, patch)
  return {
    verdict,
    reason: decision.reason,
    detail: decision.detail,
    patch,
    warnings: [...tell(situation, decision, verdict), ...hintsFor(situation, verdict)],
    configHash: configHashOf(after),
  }
}

/** The template as `decision` wants it. */
export function applyDecision(template: JsonObject, decision: Decision): JsonObject {
  if (decision.action === 'inject') return inject(template, decision.settings)
  if (decision.action === 'restore') return decision.template
  return decision.action === 'remove' ? uninject(template) : template
}

function verdictOf(decision: Decision, patch: readonly PatchOperation[]): Verdict {
  if (patch.length === 0) return 'unchanged'
  return decision.action === 'remove' ? 'removed' : 'injected'
}

/** The line about the decision itself; none where nobody waits for one. */
function tell(situation: Situation, decision: Decision, verdict: Verdict): readonly string[] {
  const who = referenceOf(situation.workload)
  const { reason, detail } = decision
  if (decision.action === 'restore') return [warningText(`sidecar kept in ${who}: ${detail}`)]
  if (verdict === 'injected') return [warningText(`sidecar added to ${who}`)]
  if (verdict === 'removed') return decisionLines(`sidecar removed from ${who} (${reason})`, detail)
  if (decision.action === 'inject') {
    const restarted = isRestarted(situation.workload)
    return restarted ? [warningText(`${who} already has its sidecar, unchanged`)] : []
  }
  if (isQuiet(situation, reason)) return []
  const refusal = decisionLines(`no change to ${who} (${reason})`, detail)
  return reason === 'rolled-back' ? [...refusal, restartHint(situation.workload)] : refusal
}
