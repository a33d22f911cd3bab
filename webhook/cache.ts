/** One kind of object of the whole cluster, watched, with what is kept of each. */
import type { KubeClient } from '../lib/kube/client.ts'
import type { KubeTarget } from '../lib/kube/list.ts'
import type { KubeObject } from '../lib/kube/objects.ts'
import { watchObjects, type WatchTiming } from '../lib/kube/watch.ts'
import type { Logger } from '../lib/logger.ts'

/** What a cache works with. */
export interface CacheDeps {
  readonly client: KubeClient
  readonly logger: Logger
  /** For tests. */
  readonly timing?: Partial<WatchTiming>
}

/** A cache of what `target` selects; `name` is how logs name it. */
export class Cache<O extends KubeObject, T> {
  readonly #deps: CacheDeps
  readonly #target: KubeTarget<O, T>
  readonly #name: string
  #items: ReadonlyMap<string, T> | undefined
  #tried = false

  constructor(name: string, target: KubeTarget<O, T>, deps: CacheDeps) {
    this.#name = name
    this.#target = target
    this.#deps = deps
  }

  /**
   * Everything that there is, by `namespace/name` (or `name`); undefined until it was listed. It lives
   * on: what was seen last stays the best guess.
   */
  get items(): ReadonlyMap<string, T> | undefined {
    return this.#items
  }

  /** Whether it was listed, or could not be, so that waiting longer need not help. */
  get tried(): boolean {
    return this.#tried
  }

  /** Follows the objects until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, logger, timing = {} } = this.#deps
    await watchObjects(client, this.#target, {
      signal,
      timing,
      listener: {
        onChange: (items) => {
          this.#items = items
          this.#tried = true
        },
        onError: (err, failures) => {
          this.#tried = true
          if (failures === 1) logger.warn({ err }, `watching ${this.#name} fails`)
        },
        onRecovered: () => {
          logger.info(`watching ${this.#name} works again`)
        },
      },
    })
  }
}
