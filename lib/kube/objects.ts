/** The parts of Kubernetes objects that podtap reads, as raw JSON: anything may be missing. */

/** The metadata of any object. */
export interface ObjectMeta {
  readonly name?: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** Any object. */
export interface KubeObject {
  readonly metadata?: ObjectMeta
}

/** A core/v1 Pod. */
export interface Pod extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string
    readonly hostNetwork?: boolean
    readonly containers?: readonly { readonly name?: string }[]
    readonly initContainers?: readonly { readonly name?: string }[]
  }
  readonly status?: {
    readonly phase?: string
    readonly podIP?: string
    readonly podIPs?: readonly { readonly ip?: string }[]
    readonly conditions?: readonly { readonly type?: string; readonly status?: string }[]
  }
}

/** The key of an object within one watched kind: `namespace/name`, or `name` without a namespace. */
export function keyOf(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata ?? {}
  return namespace === undefined ? name : `${namespace}/${name}`
}
