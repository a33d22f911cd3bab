/** What is recorded on a workload about a decision: an event of Kubernetes (`kubectl describe`). */
import type { Outcome } from './admit.ts'
import { textAt } from './json.ts'
import { isQuiet } from './messages.ts'
import { controllerOf } from './ownership.ts'
import type { Situation } from './situation.ts'
import { referenceOf } from './workload.ts'

/** What became of the workload, or what podtap itself lacks, as `kubectl get events` shows it. */
export type EventReason =
  | 'Injected'
  | 'Removed'
  | 'NotInjected'
  | 'PodtapMissed'
  | 'PodtapStale'
  | 'PodtapUnwanted'
  | 'CertificateProblem'
  | 'ConfigurationProblem'
  | 'Restored'

/** An event that is yet to be recorded. */
export interface WorkloadEvent {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Empty where the object is only about to be created. */
  readonly uid: string
  readonly reason: EventReason
  readonly type: 'Normal' | 'Warning'
  readonly message: string
}

/** Refusals that are what somebody asked for; all others mean that something is to be done. */
const WANTED = ['not-enabled', 'opted-out', 'rolled-back', 'is-sensor']

/**
 * The event for a decision, or undefined: nothing worth one. That of a pod is recorded on its controller,
 * because the pod may have no name yet.
 */
export function eventFor(situation: Situation, outcome: Outcome): WorkloadEvent | undefined {
  const { verdict, reason, detail } = outcome
  const { workload } = situation
  if (verdict === 'unchanged' && (reason === 'enabled' || isQuiet(situation, reason))) {
    return undefined
  }
  const who = referenceOf(workload)
  const said = {
    Injected: 'sidecar added to',
    Removed: 'sidecar removed from',
    NotInjected: 'no change to',
  }
  const what = { injected: 'Injected', removed: 'Removed', unchanged: 'NotInjected' } as const
  const kind = what[verdict]
  return {
    ...involved(situation),
    reason: kind,
    type: verdict === 'injected' || WANTED.includes(reason) ? 'Normal' : 'Warning',
    message: `${said[kind]} ${who} (${reason}): ${detail}`.slice(0, MAX_MESSAGE),
  }
}

/** The API server refuses longer ones (`message` of an Event, 1024 bytes). */
const MAX_MESSAGE = 512

function involved({
  workload,
}: Situation): Pick<WorkloadEvent, 'apiVersion' | 'kind' | 'namespace' | 'name' | 'uid'> {
  const { kind, namespace, name, object, change } = workload
  const owner = kind.kind === 'Pod' ? controllerOf(object) : undefined
  if (owner === undefined) {
    const { apiVersion, kind: kindName } = kind
    return { apiVersion, kind: kindName, namespace, name, uid: change?.uid ?? '' }
  }
  return {
    apiVersion: textAt(owner, 'apiVersion'),
    kind: textAt(owner, 'kind'),
    namespace,
    name: textAt(owner, 'name'),
    uid: textAt(owner, 'uid'),
  }
}
