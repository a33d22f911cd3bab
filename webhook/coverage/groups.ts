/** Which pods belong to which workload. */
import { textAt, valueAt, type JsonObject } from '../admission/json.ts'
import { controllerOf, isMaker } from '../admission/ownership.ts'
import { findKind } from '../admission/workload.ts'
import type { PodFacts } from './pod-facts.ts'

/** What a namespace holds. */
export interface NamespaceObjects {
  /** Deployments, StatefulSets, DaemonSets, Jobs and CronJobs, each with `apiVersion` and `kind`. */
  readonly workloads: readonly JsonObject[]
  readonly pods: readonly PodFacts[]
}

/** A workload with its pods, or pods that something else made: then with one at least. */
export interface Group {
  /** Undefined where podtap does not read what made the pods. */
  readonly object: JsonObject | undefined
  readonly pods: readonly PodFacts[]
}

/**
 * All workloads of a namespace with their pods, and the rest of the pods by what made them. The Jobs of
 * a CronJob are none of their own: their pods are the CronJob's. Jobs without a pod have ended.
 */
export function groupPods({ workloads, pods }: NamespaceObjects): readonly Group[] {
  const objects = new Map(workloads.map((object) => [keyOfObject(object), object]))
  const tops = new Map([...objects.keys()].map((key) => [key, topOf(key, objects)]))
  const made = new Map<string, PodFacts[]>()
  for (const pod of pods) {
    const key = keyOfOwner(pod)
    const top = tops.get(key) ?? key
    const siblings = made.get(top)
    if (siblings) siblings.push(pod)
    else made.set(top, [pod])
  }
  const empty = [...objects.keys()].filter((key) => tops.get(key) === key && !made.has(key))
  const groups = [...made, ...empty.map((key) => [key, []] as const)]
  return groups
    .map(([key, group]) => ({ object: objects.get(key), pods: group }))
    .filter(({ object, pods: group }) => group.length > 0 || valueAt(object, 'kind') !== 'Job')
}

/** The workload above another one, a CronJob above its Jobs, where it is known. */
function topOf(key: string, objects: ReadonlyMap<string, JsonObject>): string {
  const object = objects.get(key)
  const kind = findKind(textAt(object, 'apiVersion'), textAt(object, 'kind'))
  const owner = controllerOf(object)
  if (kind === undefined || owner === undefined || !isMaker(kind, owner)) return key
  const above = keyOf(textAt(owner, 'apiVersion'), textAt(owner, 'kind'), textAt(owner, 'name'))
  return objects.has(above) ? above : key
}

function keyOfObject(object: JsonObject): string {
  const { apiVersion, kind } = object
  return keyOf(String(apiVersion), String(kind), textAt(object, 'metadata', 'name'))
}

function keyOfOwner({ name, owner }: PodFacts): string {
  return owner ? keyOf(owner.apiVersion, owner.kind, owner.name) : keyOf('v1', 'Pod', name)
}

function keyOf(apiVersion: string, kind: string, name: string): string {
  return `${apiVersion} ${kind} ${name}`
}
