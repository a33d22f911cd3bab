/** Whether the cluster can run native sidecars: by the versions of its kubelets. */
import { textAt, type JsonObject } from './admission/json.ts'
import { Cache, type CacheDeps } from './cache.ts'

/**
 * The first minor version of Kubernetes 1 whose kubelets know them without being told to (KEP-753, the
 * feature gate SidecarContainers). Older ones would wait for the sidecar to end, for ever.
 */
export const NATIVE_SIDECAR_MINOR = 29

/** A cache of the kubelets' versions, fed by list + watch. */
export class NodeCache {
  readonly #cache: Cache<JsonObject, string>

  constructor(deps: CacheDeps) {
    this.#cache = new Cache('Nodes', { path: '/api/v1/nodes', select: versionOf }, deps)
  }

  /** Whether every kubelet knows native sidecars; false where there is none, or nothing is known. */
  get nativeSidecars(): boolean {
    const versions = [...(this.#cache.items?.values() ?? [])]
    return versions.length > 0 && versions.every(knowsNativeSidecars)
  }

  /** False until the nodes were listed, or could not be. */
  get tried(): boolean {
    return this.#cache.tried
  }

  /** Follows all nodes until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#cache.run(signal)
  }
}

/** Whether a kubelet of this version, such as `v1.29.3-gke.100`, knows native sidecars. */
export function knowsNativeSidecars(version: string): boolean {
  const [, major = 0, minor = 0] = /^v?(\d+)\.(\d+)/.exec(version)?.map(Number) ?? []
  return major > 1 || (major === 1 && minor >= NATIVE_SIDECAR_MINOR)
}

function versionOf(node: JsonObject): string {
  return textAt(node, 'status', 'nodeInfo', 'kubeletVersion')
}
