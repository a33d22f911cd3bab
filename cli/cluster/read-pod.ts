import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { isObject, type JsonObject } from '../../webhook/admission/json.ts'

/**
 * A pod as it is now.
 * @throws AppError ERR_POD where there is none, ERR_CONFIG for what is no name; KubeError.
 */
export async function readPod(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<JsonObject> {
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name) || name.length > 253) {
    throw new AppError('ERR_CONFIG', `POD: expected the name of a pod, received "${name}"`)
  }
  try {
    const pod = await client.request(`/api/v1/namespaces/${namespace}/pods/${name}`)
    if (isObject(pod)) return pod
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error
  }
  throw new AppError(
    'ERR_POD',
    `there is no pod ${name} in the namespace ${namespace}: see kubectl get pods -n ${namespace}`,
  )
}
