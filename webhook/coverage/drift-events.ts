/** Telling people about workloads whose pods are not as they should be: one event per workload. */
import type { WorkloadEvent } from '../admission/event.ts'
import type { WorkloadCoverage } from './coverage.ts'
import { type CoverageState } from './judge.ts'
import { rolloutProgress } from './rollout.ts'

/** When a workload is told about. */
export interface DriftTiming {
  /**
   * How long it must have been so, in milliseconds: whoever enables a namespace restarts its workloads
   * next, and a webhook that was away for seconds is no news.
   */
  readonly graceMs: number
  /** When it is told again, in milliseconds. */
  readonly repeatMs: number
}

/** The API server forgets events after an hour (kube-apiserver, --event-ttl). */
export const DRIFT_TIMING: DriftTiming = { graceMs: 30_000, repeatMs: 55 * 60_000 }

/** What was seen of a workload. */
interface Drift {
  readonly state: DriftState
  /** Both in milliseconds, from any beginning. */
  readonly since: number
  readonly toldAt: number | undefined
}

type DriftState = 'missed' | 'stale' | 'unwanted'

/** The worst first. */
const DRIFT_STATES: readonly DriftState[] = ['missed', 'stale', 'unwanted']

/** Remembers of each workload of a namespace since when it drifts, and whether that was told. */
export class DriftLog {
  readonly #timing: DriftTiming
  #known = new Map<string, Drift>()

  constructor(timing: Partial<DriftTiming> = {}) {
    this.#timing = { ...DRIFT_TIMING, ...timing }
  }

  /** The events that are due at `now`; `workloads` are all of the namespace. */
  due(workloads: readonly WorkloadCoverage[], now: number): readonly WorkloadEvent[] {
    const known = new Map<string, Drift>()
    const events: WorkloadEvent[] = []
    for (const workload of workloads) {
      const state = driftOf(workload)
      if (state === undefined) continue
      const key = `${workload.kind} ${workload.name} ${workload.uid}`
      const before = this.#known.get(key)
      const drift = before?.state === state ? before : { state, since: now, toldAt: undefined }
      const due = this.#isDue(drift, now)
      if (due) events.push(eventOf(workload, state))
      known.set(key, due ? { ...drift, toldAt: now } : drift)
    }
    this.#known = known
    return events
  }

  #isDue({ since, toldAt }: Drift, now: number): boolean {
    const { graceMs, repeatMs } = this.#timing
    return toldAt === undefined ? now - since >= graceMs : now - toldAt >= repeatMs
  }
}

/** The worst state of a workload and its pods; undefined: all is well, or about to be. */
function driftOf({ object, state, pods }: WorkloadCoverage): DriftState | undefined {
  const states = new Set<CoverageState>(pods.map((pod) => pod.state))
  // Of a rollout that is under way only what comes next counts: older pods are being replaced.
  const rolling = object !== undefined && !rolloutProgress(object).complete
  return DRIFT_STATES.find((drift) => state === drift || (!rolling && states.has(drift)))
}

function eventOf(workload: WorkloadCoverage, state: DriftState): WorkloadEvent {
  const { apiVersion, kind, namespace, name, uid } = workload
  const message = `${describe(workload, state)}; ${remedyFor(workload)}`
  const reason = {
    missed: 'PodtapMissed',
    stale: 'PodtapStale',
    unwanted: 'PodtapUnwanted',
  } as const
  return { apiVersion, kind, namespace, name, uid, reason: reason[state], type: 'Warning', message }
}

function describe({ pods, reason, detail }: WorkloadCoverage, state: DriftState): string {
  const count = pods.filter((pod) => pod.state === state).length
  const who = count === 0 ? 'its next pods' : `${count} of ${pods.length} pods`
  switch (state) {
    case 'missed':
      return `no sidecar in ${who}, made while podtap was away or before the namespace was enabled`
    case 'stale':
      return `a sidecar with older settings in ${who}`
    case 'unwanted':
      return `a sidecar in ${who} that is no longer wanted (${reason}): ${detail}`.slice(0, 300)
  }
}

/** What mends it. */
function remedyFor({ kind, namespace, name, object }: WorkloadCoverage): string {
  const reference = `${kind.toLowerCase()}/${name}`
  if (object === undefined || kind === 'Job') return 'whoever made it has to make it anew'
  if (kind === 'CronJob') return `podtap refresh -n ${namespace} ${reference}`
  return `kubectl -n ${namespace} rollout restart ${reference}`
}
