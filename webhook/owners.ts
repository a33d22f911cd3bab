/**
 * Whose template a pod was made from. A pod names its ReplicaSet only; whether an operator owns the
 * Deployment above it is read from the API, once for all its pods.
 */
import type { KubeClient } from '../lib/kube/client.ts'
import { textAt } from './admission/json.ts'
import { controllerOf, isMaker, kindOfOwner, type OwnerReference } from './admission/ownership.ts'
import { objectPath } from './object-path.ts'
import { Memory } from './memory.ts'

/** Where reviews of pods ask about their owners. */
export interface OwnerDirectory {
  /**
   * Whether podtap sees to the template that `owner`, a controller of Kubernetes itself, makes pods
   * from: false where an operator owns it (podtap leaves that one alone), and for ReplicaSets that no
   * Deployment made. Rejects where that cannot be read in time.
   */
  isTemplateHandled(namespace: string, owner: OwnerReference): Promise<boolean>
}

/** How long one read may take, in milliseconds; there are at most three, and 2 s for the review. */
const READ_MS = 400

/** Owners of owners hardly ever change. */
const LIMITS = { entries: 1000, lifeMs: 5 * 60_000 }

const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment' }

/** Reads owners, and remembers what it found by their uid. */
export class OwnerReader implements OwnerDirectory {
  readonly #client: KubeClient
  readonly #memory = new Memory<boolean>(LIMITS)

  constructor(client: KubeClient) {
    this.#client = client
  }

  async isTemplateHandled(namespace: string, owner: OwnerReference): Promise<boolean> {
    const key =
      textAt(owner, 'uid') || `${namespace}/${textAt(owner, 'kind')}/${textAt(owner, 'name')}`
    return this.#memory.get(key, () => this.#climb(namespace, owner))
  }

  async #climb(namespace: string, owner: OwnerReference): Promise<boolean> {
    const path = objectPath({
      apiVersion: textAt(owner, 'apiVersion'),
      kind: textAt(owner, 'kind'),
      namespace,
      name: textAt(owner, 'name'),
    })
    const above = controllerOf(await this.#client.request(path, { timeoutMs: READ_MS }))
    const kind = kindOfOwner(owner)
    if (kind !== undefined && above === undefined) return true
    if (above === undefined) return false
    const goesOn = kind === undefined ? isDeployment(above) : isMaker(kind, above)
    return goesOn && this.#climb(namespace, above)
  }
}

function isDeployment(owner: OwnerReference): boolean {
  return owner['apiVersion'] === DEPLOYMENT.apiVersion && owner['kind'] === DEPLOYMENT.kind
}
