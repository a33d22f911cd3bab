/**
 * Which sidecars may see sensors. A sidecar acts as its application's service account; the RoleBinding
 * in the sensor's namespace names the service accounts of the enabled namespaces and of no others.
 */
import type { KubeClient } from '../lib/kube/client.ts'
import { arrayAt, textAt, type JsonObject } from './admission/json.ts'

/** Which RoleBinding is kept. */
export interface SensorRoleBinding {
  readonly namespace: string
  readonly name: string
}

/**
 * Makes the subjects of the RoleBinding the service accounts of `enabled` namespaces (sorted names).
 * Returns whether anything had to be written.
 * @throws KubeError as KubeClient.request() does; status 404 where there is no such RoleBinding.
 */
export async function putSensorAccess(
  client: KubeClient,
  binding: SensorRoleBinding,
  enabled: readonly string[],
): Promise<boolean> {
  const path =
    `/apis/rbac.authorization.k8s.io/v1/namespaces/${binding.namespace}` +
    `/rolebindings/${binding.name}`
  const wanted = enabled.map(groupOf)
  const present = arrayAt(await client.request(path), 'subjects')
  const names = present.map((subject) => `${textAt(subject, 'kind')} ${textAt(subject, 'name')}`)
  if (names.join() === wanted.map((name) => `Group ${name}`).join()) return false
  await client.request(path, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { subjects: wanted.map(subjectOf) },
  })
  return true
}

/** The group of all service accounts of a namespace. */
function groupOf(namespace: string): string {
  return `system:serviceaccounts:${namespace}`
}

function subjectOf(name: string): JsonObject {
  return { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name }
}
