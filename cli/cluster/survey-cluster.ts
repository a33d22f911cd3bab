/** Everything that podtap has to do with in a cluster: namespaces, workloads, pods and their sidecars. */
import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { filterProblemOf } from '../../sidecar/engine/libpcap.ts'
import { textAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { Installation } from '../../webhook/admission/settings.ts'
import { surveyCoverage, type NamespaceCoverage } from '../../webhook/coverage/survey.ts'
import { sidecarOf, type PodSidecar } from '../sidecars/mirrored-pod.ts'

/** A pod that carries a sidecar. */
export interface SeenPod {
  readonly namespace: string
  readonly name: string
  /** Empty where it is not bound to a node yet. */
  readonly node: string
  readonly sidecar: PodSidecar
}

/** What was found. */
export interface ClusterSurvey {
  readonly namespaces: readonly NamespaceCoverage[]
  /** The pods with a sidecar, by `namespace/name`. */
  readonly pods: ReadonlyMap<string, SeenPod>
}

/**
 * Looks into one namespace, or (undefined) into all that are enabled or have a sidecar in them,
 * be it one that was attached.
 * @throws KubeError as surveyCoverage() does.
 */
export async function surveyCluster(
  client: KubeClient,
  installation: Installation,
  namespace: string | undefined,
): Promise<ClusterSurvey> {
  const pods = new Map<string, SeenPod>()
  const attachedIn = new Set<string>()
  const namespaces = await surveyCoverage(client, {
    installation,
    namespace,
    filterProblemOf: filterProblemHere,
    seePod: (pod) => {
      const seen = seenPod(pod)
      if (seen === undefined) return
      pods.set(`${seen.namespace}/${seen.name}`, seen)
      if (seen.sidecar.attached) attachedIn.add(seen.namespace)
    },
    alsoIn: (name) => attachedIn.has(name),
  })
  return { namespaces, pods }
}

/** A pod with a sidecar; undefined: it has none. */
export function seenPod(pod: JsonObject): SeenPod | undefined {
  const sidecar = sidecarOf(pod)
  if (sidecar === undefined) return undefined
  return {
    namespace: textAt(pod, 'metadata', 'namespace'),
    name: textAt(pod, 'metadata', 'name'),
    node: textAt(pod, 'spec', 'nodeName'),
    sidecar,
  }
}

/** A laptop need not have libpcap: nothing is said against a filter then. */
export async function filterProblemHere(filter: string): Promise<string | undefined> {
  try {
    return await filterProblemOf(filter)
  } catch (error) {
    if (error instanceof AppError && error.code === 'ERR_NATIVE_LIBRARY') return undefined
    throw error
  }
}
