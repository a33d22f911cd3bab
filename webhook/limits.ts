/** The LimitRanges and ResourceQuotas of all namespaces: most have none, and few have more than one. */
import { objectAt, textAt, type JsonObject } from './admission/json.ts'
import type { NamespaceLimits } from './admission/limits.ts'
import { Cache, type CacheDeps } from './cache.ts'

/** Where reviews look limits up. */
export interface LimitDirectory {
  /** What holds in a namespace, as far as it was seen. */
  limitsOf(namespace: string): NamespaceLimits
}

/** A cache of all of them, fed by list + watch. */
export class LimitCache implements LimitDirectory {
  readonly #limitRanges: Cache<JsonObject, JsonObject>
  readonly #quotas: Cache<JsonObject, JsonObject>

  constructor(deps: CacheDeps) {
    const select = essentials
    this.#limitRanges = new Cache('LimitRanges', { path: '/api/v1/limitranges', select }, deps)
    this.#quotas = new Cache('ResourceQuotas', { path: '/api/v1/resourcequotas', select }, deps)
  }

  limitsOf(namespace: string): NamespaceLimits {
    return {
      limitRanges: inNamespace(this.#limitRanges, namespace),
      quotas: inNamespace(this.#quotas, namespace),
    }
  }

  /** Follows all of them until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#limitRanges.run(signal), this.#quotas.run(signal)])
  }
}

function inNamespace(
  { items }: Cache<JsonObject, JsonObject>,
  namespace: string,
): readonly JsonObject[] {
  const found: JsonObject[] = []
  for (const object of items?.values() ?? []) {
    if (textAt(object, 'metadata', 'namespace') === namespace) found.push(object)
  }
  return found
}

/** Without managedFields and others' annotations. */
function essentials(object: JsonObject): JsonObject {
  const { name, namespace } = objectAt(object, 'metadata')
  return { metadata: { name, namespace }, spec: object['spec'], status: object['status'] }
}
