/**
 * What podtap knows of namespaces. Annotations are invisible to every filter of the API server (its
 * selectors see labels only), so they are watched here.
 */
import type { KubeClient } from '../lib/kube/client.ts'
import { KubeError } from '../lib/kube/kube-error.ts'
import type { KubeObject } from '../lib/kube/objects.ts'
import { watchObjects, type WatchTiming } from '../lib/kube/watch.ts'
import type { Logger } from '../lib/logger.ts'
import { isEnabled, namespaceFactsOf } from './admission/namespace-facts.ts'
import type { NamespaceFacts } from './admission/situation.ts'

/** How long a live read may take, in milliseconds: a quarter of the API server's patience with us. */
export const LIVE_READ_MS = 500

const PATH = '/api/v1/namespaces'

/** Where reviews look namespaces up. */
export interface NamespaceDirectory {
  /** What was last seen of a namespace; undefined: nothing yet. */
  seen(name: string): NamespaceFacts | undefined
  /**
   * What the API server says of a namespace now; undefined: there is none of that name.
   * @throws KubeError when it does not answer within LIVE_READ_MS, or with an error.
   */
  read(name: string): Promise<NamespaceFacts | undefined>
}

/** Told when the set of enabled namespaces may have changed. */
export type EnabledListener = (enabled: readonly string[]) => void

/** A cache of all namespaces, fed by list + watch. */
export class NamespaceCache implements NamespaceDirectory {
  readonly #client: KubeClient
  readonly #logger: Logger
  #seen: ReadonlyMap<string, NamespaceFacts> = new Map()
  #enabled: readonly string[] = []
  #synced = false
  #onSeen: () => void = () => undefined

  constructor(client: KubeClient, logger: Logger) {
    this.#client = client
    this.#logger = logger
  }

  /** True once all namespaces were listed; it stays true, because what was seen stays the best guess. */
  get synced(): boolean {
    return this.#synced
  }

  /** Names of the enabled namespaces, sorted. */
  get enabled(): readonly string[] {
    return this.#enabled
  }

  /** Calls `listener` after each change of any namespace; there is one at a time. */
  subscribe(listener: () => void): void {
    this.#onSeen = listener
  }

  seen(name: string): NamespaceFacts | undefined {
    return this.#seen.get(name)
  }

  async read(name: string): Promise<NamespaceFacts | undefined> {
    try {
      const path = `${PATH}/${encodeURIComponent(name)}`
      const object = await this.#client.request(path, { timeoutMs: LIVE_READ_MS })
      return namespaceFactsOf(object as KubeObject)
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    }
  }

  /** Follows all namespaces until `signal` aborts; `listener` hears of each change of the enabled ones. */
  async run(
    listener: EnabledListener,
    signal: AbortSignal,
    timing: Partial<WatchTiming> = {},
  ): Promise<void> {
    const target = { path: PATH, select: namespaceFactsOf }
    await watchObjects(this.#client, target, {
      signal,
      timing,
      listener: {
        onChange: (items) => {
          this.#onChange(items, listener)
        },
        onError: (err, failures) => {
          if (failures === 1) this.#logger.warn({ err }, 'watching namespaces fails')
        },
        onRecovered: () => {
          this.#logger.info('watching namespaces works again')
        },
      },
    })
  }

  #onChange(items: ReadonlyMap<string, NamespaceFacts>, listener: EnabledListener): void {
    this.#seen = items
    const enabled = [...items.values()].filter(isEnabled).map(({ name }) => name)
    enabled.sort()
    const changed = !this.#synced || enabled.join() !== this.#enabled.join()
    this.#synced = true
    this.#enabled = enabled
    this.#onSeen()
    if (!changed) return
    this.#logger.info({ enabled: enabled.length, namespaces: items.size }, 'namespaces changed')
    listener(enabled)
  }
}
