/** What PodDisruptionBudgets permit a rollout to take away. */
import { selects, type LabelSelector } from '../../lib/kube/label-selector.ts'
import { objectAt, textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'

/**
 * Why the budgets of its namespace do not permit to restart a workload now; undefined: they do. A rollout
 * itself does not ask them: only evictions do.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-budgets
 */
export function budgetProblem(
  workload: JsonObject,
  budgets: readonly JsonObject[],
): string | undefined {
  const taken = takenAway(workload)
  if (taken === 0) return undefined
  const labels = objectAt(workload, 'spec', 'template', 'metadata', 'labels')
  for (const budget of budgets) {
    const selector = valueAt(budget, 'spec', 'selector') as LabelSelector | undefined
    const allowed = numberAt(budget, 'status', 'disruptionsAllowed')
    if (!selects(selector, labels) || allowed >= taken) continue
    const name = textAt(budget, 'metadata', 'name')
    return `PodDisruptionBudget ${name} allows ${allowed} disruptions now, its rollout needs ${taken}`
  }
  return undefined
}

/**
 * How many pods of a Deployment, StatefulSet or DaemonSet a rollout takes away at a time, at most.
 * Source: the defaults of the API, and ResolveFenceposts in pkg/controller/deployment/util of Kubernetes.
 */
export function takenAway(workload: JsonObject): number {
  const spec = objectAt(workload, 'spec')
  switch (workload['kind']) {
    case 'Deployment':
      return ofDeployment(spec)
    case 'DaemonSet': {
      const pods = numberAt(workload, 'status', 'desiredNumberScheduled')
      const rolling = objectAt(spec, 'updateStrategy', 'rollingUpdate')
      if (share(rolling['maxSurge'], pods, Math.ceil) > 0) return 0
      return Math.min(pods, share(rolling['maxUnavailable'] ?? 1, pods, Math.ceil))
    }
    default: {
      const pods = replicasOf(spec)
      const most = valueAt(spec, 'updateStrategy', 'rollingUpdate', 'maxUnavailable') ?? 1
      return Math.min(pods, Math.max(1, share(most, pods, Math.ceil)))
    }
  }
}

function ofDeployment(spec: JsonObject): number {
  const pods = replicasOf(spec)
  if (valueAt(spec, 'strategy', 'type') === 'Recreate') return pods
  const rolling = objectAt(spec, 'strategy', 'rollingUpdate')
  const surge = share(rolling['maxSurge'] ?? '25%', pods, Math.ceil)
  const unavailable = share(rolling['maxUnavailable'] ?? '25%', pods, Math.floor)
  return Math.min(pods, surge === 0 && unavailable === 0 ? 1 : unavailable)
}

/** A count of pods, or `25%` of them; anything else is none. */
function share(value: unknown, pods: number, round: (count: number) => number): number {
  if (typeof value === 'number') return value
  const [, percent] = /^(\d+)%$/.exec(typeof value === 'string' ? value : '') ?? []
  return percent === undefined ? 0 : round((pods * Number(percent)) / 100)
}

function replicasOf(spec: JsonObject): number {
  const { replicas } = spec
  return typeof replicas === 'number' ? replicas : 1
}

function numberAt(object: JsonObject, ...path: readonly string[]): number {
  const value = valueAt(object, ...path)
  return typeof value === 'number' ? value : 0
}
