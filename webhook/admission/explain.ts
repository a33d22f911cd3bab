/** The way to a decision in words, for people who ask why. */
import { decide, decisionPath } from './decide.ts'
import { hintsFor } from './messages.ts'
import type { Situation } from './situation.ts'
import { hasSidecar } from './uninject.ts'
import { referenceOf } from './workload.ts'

/**
 * Several lines: the workload, each rule that was asked (`-` it does not apply, `x` it decided), and
 * the decision with its reason.
 */
export function explain(situation: Situation): string {
  const { workload } = situation
  const steps = decisionPath(situation).map(({ reason, detail }) =>
    detail === undefined ? `  - ${reason}: no` : `  x ${reason}: ${detail}`,
  )
  const head = `${referenceOf(workload)} in namespace ${workload.namespace}`
  return [head, ...steps, `  = ${conclusion(situation)}`, ...hints(situation)].join('\n')
}

function conclusion(situation: Situation): string {
  const decision = decide(situation)
  if (decision.action === 'restore') return `keeps its sidecar: ${decision.detail}`
  const has = hasSidecar(situation.workload.template ?? {})
  if (decision.action === 'inject') {
    const verb = has ? 'keeps its sidecar, brought up to date' : 'gets the sidecar'
    return `${verb} (${decision.reason}): ${decision.detail}`
  }
  const verb = decision.action === 'remove' ? 'loses its sidecar' : 'stays as it is'
  return `${verb} (${decision.reason}): ${decision.detail}`
}

function hints(situation: Situation): readonly string[] {
  const { action } = decide(situation)
  const verdict = action === 'inject' || action === 'restore' ? 'injected' : 'unchanged'
  return hintsFor(situation, verdict).map((hint) => `  ! ${hint}`)
}
