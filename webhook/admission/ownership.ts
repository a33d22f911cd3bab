/** Whose business a workload is: what made it, and who would undo a change of it. */
import { arrayAt, isObject, textAt, type JsonObject } from './json.ts'
import type { Situation } from './situation.ts'
import { findKind, type WorkloadKind } from './workload.ts'

/** A reference to the controller of an object: `apiVersion`, `kind` and `name`. */
export type OwnerReference = JsonObject

/** The controller of an object, or undefined: it has none. */
export function controllerOf(object: unknown): OwnerReference | undefined {
  const owners = arrayAt(object, 'metadata', 'ownerReferences').filter(isObject)
  return owners.find((owner) => owner['controller'] === true)
}

/**
 * Whether `owner` is the controller of Kubernetes itself that makes such objects. The API group counts:
 * others have kinds of the same name (`apps.kruise.io/v1beta1` StatefulSet).
 */
export function isMaker(kind: WorkloadKind, owner: OwnerReference): boolean {
  const name = textAt(owner, 'kind')
  const { makers } = kind
  return makers.some((maker) => maker.kind === name && maker.apiVersion === owner['apiVersion'])
}

/** Its controller made it from a template that podtap sees to. */
export function ownedByWorkload({ workload, cluster }: Situation): string | undefined {
  const owner = controllerOf(workload.object)
  if (owner === undefined || !isMaker(workload.kind, owner)) return undefined
  return cluster?.templateHandled === false ? undefined : `made by ${describeOwner(owner)}`
}

/** An operator would undo the change, without end (jaeger-operator#1232). */
export function operatorOwned({ workload }: Situation): string | undefined {
  const owner = workload.kind.templatePath.length > 0 ? controllerOf(workload.object) : undefined
  return owner && `owned by ${describeOwner(owner)}, which would undo the change`
}

/** The kubelet made it to show a pod that it runs from a file; a change would reach nothing. */
export function staticPod({ workload: { kind, object } }: Situation): string | undefined {
  if (kind.kind !== 'Pod') return undefined
  const mirror = textAt(object, 'metadata', 'annotations', 'kubernetes.io/config.mirror')
  return mirror === '' ? undefined : 'the kubelet runs it from a file on its node'
}

/** How messages name an owner: `Kafka events`. */
export function describeOwner(owner: OwnerReference): string {
  return `${textAt(owner, 'kind')} ${textAt(owner, 'name')}`
}

/** The row of WORKLOAD_KINDS for an owner, or undefined: podtap does not look at its template. */
export function kindOfOwner(owner: OwnerReference): WorkloadKind | undefined {
  return findKind(textAt(owner, 'apiVersion'), textAt(owner, 'kind'))
}
