/** What is kept of a Namespace. */
import type { KubeObject } from '../../lib/kube/objects.ts'
import { ANNOTATION_PREFIX, injectValue } from './annotations.ts'
import type { NamespaceFacts } from './situation.ts'

const POD_SECURITY_PREFIX = 'pod-security.kubernetes.io/'

/** Little, because a cluster can have thousands of namespaces, and others' annotations can be long. */
export function namespaceFactsOf({ metadata = {} }: KubeObject): NamespaceFacts {
  return {
    name: metadata.name ?? '',
    annotations: withPrefix(metadata.annotations, ANNOTATION_PREFIX),
    labels: withPrefix(metadata.labels, POD_SECURITY_PREFIX),
  }
}

/** Whether workloads of the namespace get sidecars. */
export function isEnabled({ annotations }: NamespaceFacts): boolean {
  return injectValue(annotations) === true
}

function withPrefix(
  map: Readonly<Record<string, string>> | undefined,
  prefix: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => key.startsWith(prefix)))
}
