/** Where the API serves an object. */

/** What an object is, and where. */
export interface ObjectReference {
  /** `v1`, `apps/v1` … */
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/**
 * The path of an object in a namespace. The resource is the kind's name in lower case and plural, which
 * holds for every kind that podtap reads (Deployment, ReplicaSet, CronJob, Pod …).
 */
export function objectPath({ apiVersion, kind, namespace, name }: ObjectReference): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const resource = `${kind.toLowerCase()}s`
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}`
}
