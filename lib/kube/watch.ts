/**
 * List and watch of one kind of object, for as long as wanted: the way of client-go's Reflector.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import { backoffMs, sleep, type BackoffLimits, type Random, type Sleep } from '../backoff.ts'
import { AppError } from '../errors.ts'
import type { KubeClient } from './client.ts'
import { isUnheard, KubeError } from './kube-error.ts'
import { listObjects, putObject, selectorsOf, type KubeTarget } from './list.ts'
import { keyOf, type KubeObject } from './objects.ts'
import { parseEvent, type WatchEvent } from './watch-protocol.ts'

/** Told what a watch sees. */
export interface WatchListener<T> {
  /**
   * Called with everything that there is now, by `namespace/name` (or `name`): after the first list,
   * after each relist, and after each batch of events that changed something. The map changes later:
   * copy what must stay.
   */
  onChange(items: ReadonlyMap<string, T>): void
  /**
   * Called for each failed attempt; `failures` (≥ 1) counts them since the watch last worked. What
   * onChange told last stays the best knowledge; the watch goes on by itself.
   */
  onError(error: AppError, failures: number): void
  /** Called once after failures, when the watch has worked again for `settledMs`. */
  onRecovered(): void
}

/** How patient a watch is. */
export interface WatchTiming {
  /** Objects per page of a list. */
  readonly pageSize: number
  /** Bounds of timeoutSeconds, after which the server ends a watch: random, to spread the load. */
  readonly serverSeconds: readonly [min: number, max: number]
  /** A watch that was silent for so long is begun anew. */
  readonly silenceMs: number
  /** A watch that lasted so long has worked; one that ended sooner counts as a failure. */
  readonly settledMs: number
  /** Pauses after an answer that was no success, or none where there was a server. */
  readonly backoff: BackoffLimits
  /** Pauses while nothing listens at the server's address. */
  readonly unheard: BackoffLimits
}

/**
 * - `silenceMs`: the API server sends a bookmark about each minute (bookmarkFrequency in
 *   apiserver/pkg/storage/cacher), so 90 s of silence mean a peer that answers TCP and nothing else:
 *   a proxy without its server, say. (A peer that is gone is noticed by TCP keepalive after 30 s.)
 *   Where a quiet API server sends no bookmarks this costs one more request per 90 s, and nothing else.
 * - `settledMs`: what client-go's Reflector takes for a very short watch.
 * - `backoff`: the limits of client-go's Reflector, a little quicker at first.
 * - `unheard`: an API server that is not there is found again within a second of its return. Until then
 *   a host's kernel refuses two connections a second from each client, which is no work for any server;
 *   then thousands of clients return in the course of a second.
 */
export const WATCH_TIMING: WatchTiming = {
  pageSize: 250,
  serverSeconds: [240, 300],
  silenceMs: 90_000,
  settledMs: 1_000,
  backoff: { firstMs: 500, ceilingMs: 30_000 },
  unheard: { firstMs: 500, ceilingMs: 1_000 },
}

/** What a watch runs with; the last three have defaults and are there for tests. */
export interface WatchOptions<T> {
  readonly listener: WatchListener<T>
  readonly signal: AbortSignal
  readonly timing?: Partial<WatchTiming>
  readonly sleep?: Sleep
  readonly random?: Random
}

/**
 * Failed answers after which the list is read anew although the server did not ask for it:
 * a resource version that no server knows (etcd was restored from a backup) is left behind that way.
 */
const RELIST_AFTER_FAILURES = 3

/**
 * Lists and watches `target` until the signal aborts, through everything that an API server, a proxy
 * or a network may do: 410 relists at once, any other failure is retried with backoff, and the watch
 * goes on where it was. Resolves when the signal aborts; rejects only if the listener or select() throws.
 */
export async function watchObjects<O extends KubeObject, T>(
  client: KubeClient,
  target: KubeTarget<O, T>,
  options: WatchOptions<T>,
): Promise<void> {
  const { signal } = options
  const watch = new Watch(client, target, options)
  while (!signal.aborted) await watch.attempt()
}

class Watch<O extends KubeObject, T> {
  readonly #client: KubeClient
  readonly #target: KubeTarget<O, T>
  readonly #options: WatchOptions<T>
  readonly #timing: WatchTiming
  readonly #random: Random
  #items = new Map<string, T>()
  /** Where the watch goes on; undefined: it must list first. */
  #resourceVersion: string | undefined
  #failures = 0
  /** Those of the failures that a server had work with. */
  #heardFailures = 0
  /** How often the server no longer had the version where the watch was, since it last worked. */
  #expirations = 0
  /** Whether the listener was told of a failure and not yet of its end. */
  #failing = false

  constructor(client: KubeClient, target: KubeTarget<O, T>, options: WatchOptions<T>) {
    this.#client = client
    this.#target = target
    this.#options = options
    this.#timing = { ...WATCH_TIMING, ...options.timing }
    this.#random = options.random ?? Math.random
  }

  /** Lists if need be and watches once; after a failure it waits until the next attempt may begin. */
  async attempt(): Promise<void> {
    try {
      if (this.#resourceVersion === undefined) await this.#list()
      await this.#watch()
    } catch (thrown) {
      if (this.#options.signal.aborted) return
      if (!(thrown instanceof AppError)) throw thrown
      await this.#afterFailure(thrown)
    }
  }

  async #list(): Promise<void> {
    const { pageSize } = this.#timing
    const { signal, listener } = this.#options
    const list = await listObjects(this.#client, this.#target, { pageSize, signal })
    this.#items = list.items
    this.#resourceVersion = list.resourceVersion
    listener.onChange(list.items)
  }

  /** Follows the changes until the server ends the watch, or it falls silent. */
  async #watch(): Promise<void> {
    const outcome = { settled: false }
    let settling: NodeJS.Timeout | undefined
    try {
      for await (const lines of this.#lines()) {
        // Not before the first batch, which says that the server has accepted the watch.
        settling ??= setTimeout(() => {
          outcome.settled = true
          this.#onSettled()
        }, this.#timing.settledMs)
        this.#applyAll(lines)
      }
    } finally {
      clearTimeout(settling)
    }
    if (outcome.settled) return
    // Not to be repeated at once: a server or proxy that ends each watch would be asked in a hot loop.
    const { settledMs } = this.#timing
    throw new KubeError(`GET ${this.#target.path}: the watch ended within ${settledMs} ms`)
  }

  #lines(): AsyncIterable<readonly string[]> {
    const [min, max] = this.#timing.serverSeconds
    const query = {
      ...selectorsOf(this.#target),
      watch: 'true',
      resourceVersion: this.#resourceVersion,
      allowWatchBookmarks: 'true',
      timeoutSeconds: min + Math.floor(this.#random() * (max - min + 1)),
    }
    const { silenceMs } = this.#timing
    return this.#client.lines(this.#target.path, { query, silenceMs, signal: this.#options.signal })
  }

  #onSettled(): void {
    this.#failures = 0
    this.#heardFailures = 0
    this.#expirations = 0
    if (!this.#failing) return
    this.#failing = false
    this.#options.listener.onRecovered()
  }

  #applyAll(lines: readonly string[]): void {
    let changed = false
    try {
      for (const line of lines) {
        const event = parseEvent<O>(this.#target.path, line)
        this.#resourceVersion = event.object.metadata?.resourceVersion ?? this.#resourceVersion
        if (event.type !== 'BOOKMARK') changed = this.#apply(event) || changed
      }
    } finally {
      if (changed) this.#options.listener.onChange(this.#items)
    }
  }

  /** Returns whether the items changed. */
  #apply(event: WatchEvent<O>): boolean {
    if (event.type === 'DELETED') return this.#items.delete(keyOf(event.object))
    return putObject(this.#items, this.#target, event.object)
  }

  async #afterFailure(error: AppError): Promise<void> {
    this.#failures += 1
    if (!isUnheard(error)) this.#heardFailures += 1
    const { status } = error instanceof KubeError ? error : {}
    const expired = status === 410
    if (expired || this.#isHopeless(status)) this.#resourceVersion = undefined
    // A version that is too old is ordinary: the events since then are no longer kept (5 minutes).
    if (expired && ++this.#expirations === 1) return
    this.#failing = true
    this.#options.listener.onError(error, this.#failures)
    await (this.#options.sleep ?? sleep)(this.#pauseAfter(error), this.#options.signal)
  }

  /**
   * A server that has just returned may answer 403 or 503 at first; how long it was gone does not make
   * the pause after that longer.
   */
  #pauseAfter(error: AppError): number {
    const { backoff, unheard } = this.#timing
    if (isUnheard(error)) return backoffMs(this.#failures, unheard, this.#random)
    const { retryAfterMs = 0 } = error instanceof KubeError ? error : {}
    return retryAfterMs + backoffMs(this.#heardFailures, backoff, this.#random)
  }

  #isHopeless(status: number | undefined): boolean {
    return status !== undefined && status !== 429 && this.#heardFailures >= RELIST_AFTER_FAILURES
  }
}
