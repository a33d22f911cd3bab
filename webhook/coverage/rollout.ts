/** How far the rollout of a workload has come, by its status. */
import { objectAt, textAt, valueAt, type JsonObject } from '../admission/json.ts'

/** Pods of a rollout. */
export interface RolloutProgress {
  /** How many there are to be. */
  readonly wanted: number
  /** How many of them are of the present template. */
  readonly updated: number
  /** How many of them can serve. */
  readonly available: number
  /** Whether every pod is of the present template and available, and no other is left. */
  readonly complete: boolean
}

/**
 * The progress of a Deployment, StatefulSet or DaemonSet as it is stored; of anything else nothing is
 * under way. Source: `kubectl rollout status`, k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go.
 */
export function rolloutProgress(object: JsonObject): RolloutProgress {
  const counts = countsOf(object)
  if (counts === undefined) return { wanted: 0, updated: 0, available: 0, complete: true }
  const { wanted, updated, available, total } = counts
  const observed = numberAt(object, 'status', 'observedGeneration')
  const seen = observed >= numberAt(object, 'metadata', 'generation')
  // Older pods, also those that are about to end, are in the total.
  const complete = seen && updated >= wanted && available >= wanted && total <= updated
  // Until its controller has seen the change, the counts are those of the template before.
  return { wanted, updated: seen ? updated : 0, available, complete }
}

/** Why a rollout does not replace pods by itself; undefined: nothing holds it back. */
export function holdUp(object: JsonObject): string | undefined {
  const spec = objectAt(object, 'spec')
  if (spec['paused'] === true) return 'its rollout is paused; kubectl rollout resume comes first'
  const strategy = objectAt(spec, 'updateStrategy')
  if (textAt(strategy, 'type') === 'OnDelete')
    return 'updateStrategy OnDelete: each pod changes when somebody deletes it'
  const partition = valueAt(strategy, 'rollingUpdate', 'partition')
  if (typeof partition !== 'number' || partition === 0) return undefined
  return `updateStrategy partition ${partition}: pods below it do not change`
}

interface Counts {
  readonly wanted: number
  readonly updated: number
  readonly available: number
  readonly total: number
}

function countsOf(object: JsonObject): Counts | undefined {
  const status = (name: string): number => numberAt(object, 'status', name)
  switch (object['kind']) {
    case 'DaemonSet':
      return {
        wanted: status('desiredNumberScheduled'),
        updated: status('updatedNumberScheduled'),
        available: status('numberAvailable'),
        total: status('updatedNumberScheduled'),
      }
    case 'Deployment':
    case 'StatefulSet': {
      const replicas = valueAt(object, 'spec', 'replicas')
      const wanted = typeof replicas === 'number' ? replicas : 1
      const updated = updatedOf(object, status('updatedReplicas'))
      return { wanted, updated, available: status('availableReplicas'), total: status('replicas') }
    }
    default:
      return undefined
  }
}

/**
 * A StatefulSet that has become of one revision only counts its pods as current ones, and where its
 * revisions are equal `updatedReplicas` may be left at 0 (syncStatefulSetStatus in
 * pkg/controller/statefulset).
 */
function updatedOf(object: JsonObject, updated: number): number {
  if (object['kind'] !== 'StatefulSet') return updated
  const current = textAt(object, 'status', 'currentRevision')
  const update = textAt(object, 'status', 'updateRevision')
  return update !== '' && current === update ? numberAt(object, 'status', 'replicas') : updated
}

function numberAt(object: JsonObject, ...path: readonly string[]): number {
  const value = valueAt(object, ...path)
  return typeof value === 'number' ? value : 0
}
