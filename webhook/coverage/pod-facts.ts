/** What is kept of a pod. */
import { objectAt, textAt, valueAt, type JsonObject } from '../admission/json.ts'
import { controllerOf } from '../admission/ownership.ts'
import { essentialTemplate } from './essentials.ts'
import { carriedBy, type Carried } from './judge.ts'

/** Whoever made a pod. */
export interface PodOwner {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** A pod that lives: about a kilobyte, because there are thousands. */
export interface PodFacts extends Carried {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Its controller; undefined: it was made by hand. */
  readonly owner: PodOwner | undefined
  /**
   * Its essential template as JSON text, which takes a fraction of the memory of an object; read only
   * where no workload is known that made it.
   */
  readonly templateText: string
}

/** The facts of a pod, or undefined: it has ended, or is about to. */
export function podFactsOf(pod: JsonObject): PodFacts | undefined {
  const phase = textAt(pod, 'status', 'phase')
  if (phase === 'Succeeded' || phase === 'Failed') return undefined
  const metadata = objectAt(pod, 'metadata')
  if (metadata['deletionTimestamp'] !== undefined) return undefined
  return {
    namespace: textAt(metadata, 'namespace'),
    name: textAt(metadata, 'name'),
    uid: textAt(metadata, 'uid'),
    owner: ownerOf(pod),
    ...carriedBy(pod),
    templateText: JSON.stringify(essentialTemplate(pod)),
  }
}

/** The controller of a pod; of a Deployment's pods the Deployment, although they name its ReplicaSet. */
function ownerOf(pod: JsonObject): PodOwner | undefined {
  const owner = controllerOf(pod)
  if (owner === undefined) return undefined
  const { apiVersion, kind, name, uid } = {
    apiVersion: textAt(owner, 'apiVersion'),
    kind: textAt(owner, 'kind'),
    name: textAt(owner, 'name'),
    uid: textAt(owner, 'uid'),
  }
  const suffix = `-${String(valueAt(pod, 'metadata', 'labels', 'pod-template-hash'))}`
  const ofDeployment = apiVersion === 'apps/v1' && kind === 'ReplicaSet' && name.endsWith(suffix)
  if (!ofDeployment) return { apiVersion, kind, name, uid }
  // The name of a Deployment's ReplicaSet is made of these two (getNewReplicaSet in
  // pkg/controller/deployment/sync.go), so nobody has to ask the API who owns it.
  return { apiVersion, kind: 'Deployment', name: name.slice(0, -suffix.length), uid: '' }
}
