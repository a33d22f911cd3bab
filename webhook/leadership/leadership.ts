/** Which of several replicas writes to the cluster: the one that holds the Lease. */
import { sleep } from '../../lib/backoff.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { Logger } from '../../lib/logger.ts'
import {
  claimed,
  leasesPath,
  observe,
  released,
  waitMs,
  type LeaseName,
  type ObservedLease,
} from './lease.ts'

/** Done by the leader alone, until `signal` aborts; it must end soon after, and never reject. */
export type LeaderWork = (signal: AbortSignal) => Promise<void>

/** How long leading lasts, in milliseconds. */
export interface LeadershipTiming {
  /** A leader that gave no sign of life for so long is replaced. */
  readonly leaseMs: number
  /** A leader that could not renew for so long stops by itself, before others may replace it. */
  readonly renewDeadlineMs: number
  /** Time between two renewals, and between attempts that failed. */
  readonly retryMs: number
}

/** Those of kube-controller-manager and kube-scheduler: client-go, LeaderElectionConfig. */
export const LEADERSHIP_TIMING: LeadershipTiming = {
  leaseMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
}

/** A process that ends does not wait longer for the API server to hear of it. */
const RELEASE_MS = 2_000

/** What it works with. */
export interface LeadershipDeps {
  readonly client: KubeClient
  readonly logger: Logger
  readonly lease: LeaseName
  /** Unlike that of any other process, also of an earlier one in the same pod. */
  readonly identity: string
  readonly timing?: LeadershipTiming
}

/**
 * One of the candidates for a Lease, the way of client-go's leader election. Others' times are compared
 * and never computed with, so clocks may differ; only the rates of two monotonic clocks must be alike.
 */
export class Leadership {
  readonly #deps: LeadershipDeps
  readonly #timing: LeadershipTiming
  #lease: ObservedLease | undefined
  #listed = false
  #leading = false
  #wake = new AbortController()

  constructor(deps: LeadershipDeps) {
    this.#deps = deps
    this.#timing = deps.timing ?? LEADERSHIP_TIMING
  }

  /** Whether this process leads now. */
  get leading(): boolean {
    return this.#leading
  }

  /**
   * Does `work` whenever this process leads: its signal aborts when the Lease is lost or `signal`
   * aborts. Then the Lease is let go of, once `work` has ended, and this resolves.
   */
  async run(work: LeaderWork, signal: AbortSignal): Promise<void> {
    const wake = (): void => {
      this.#wake.abort()
    }
    signal.addEventListener('abort', wake)
    await Promise.all([this.#watch(signal), this.#campaign(work, signal)])
    signal.removeEventListener('abort', wake)
  }

  async #campaign(work: LeaderWork, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const pauseMs = await this.#acquire(signal)
      if (pauseMs === 0) await this.#lead(work, signal)
      else await sleep(pauseMs, this.#wake.signal)
    }
  }

  /** Returns 0 when the Lease was acquired, or how long to wait, unless the watch tells news. */
  async #acquire(signal: AbortSignal): Promise<number> {
    const { leaseMs, retryMs } = this.#timing
    if (!this.#listed) return leaseMs
    const pauseMs = waitMs(this.#lease, this.#deps.identity, performance.now())
    if (pauseMs > 0) return pauseMs
    try {
      await this.#claim(leaseMs, signal)
      return 0
    } catch (error) {
      if (isOutdated(error)) await this.#refresh(leaseMs)
      else this.#warnUnless(signal, error)
      return retryMs * (1 + Math.random() * 0.2)
    }
  }

  async #lead(work: LeaderWork, signal: AbortSignal): Promise<void> {
    const { logger, identity } = this.#deps
    const losing = new AbortController()
    const lose = (): void => {
      losing.abort()
    }
    signal.addEventListener('abort', lose)
    this.#leading = true
    logger.info({ identity }, 'leading')
    await Promise.all([work(losing.signal), this.#renew(losing.signal).finally(lose)])
    this.#leading = false
    signal.removeEventListener('abort', lose)
    if (signal.aborted) await this.#release()
    else logger.warn({ identity }, 'leading no more')
  }

  /** Renews until `signal` aborts or the Lease is lost. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { renewDeadlineMs, retryMs } = this.#timing
    let renewedAt = performance.now()
    for (;;) {
      await sleep(retryMs, signal)
      const now = performance.now()
      const leftMs = renewedAt + renewDeadlineMs - now
      if (signal.aborted || leftMs <= 0) return
      try {
        await this.#claim(leftMs, signal)
        renewedAt = now
      } catch (error) {
        if (isOutdated(error)) await this.#refresh(leftMs)
        else this.#warnUnless(signal, error)
        if (this.#lease?.holder !== this.#deps.identity) return
      }
    }
  }

  #warnUnless({ aborted }: AbortSignal, err: unknown): void {
    if (!aborted) this.#deps.logger.warn({ err }, 'writing the Lease fails')
  }

  /** Reads what the Lease is now; where nobody can tell, what was known stays. */
  async #refresh(timeoutMs: number): Promise<void> {
    const { client, lease } = this.#deps
    try {
      this.#see(await client.request(`${leasesPath(lease)}/${lease.name}`, { timeoutMs }))
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) this.#lease = undefined
    }
  }

  /** Writes the Lease, on condition that it is still the one that was observed. */
  async #claim(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { lease, identity } = this.#deps
    const { leaseMs: durationMs } = this.#timing
    const old = this.#lease
    const body = claimed(lease, old, { identity, durationMs, now: new Date() })
    await this.#write(old, body, { timeoutMs, signal })
  }

  /** A renewal that was under way may have changed the Lease, so it is read again before giving up. */
  async #release(): Promise<void> {
    const { lease, identity, logger } = this.#deps
    for (let attempt = 1; this.#lease?.holder === identity; attempt += 1) {
      const old = this.#lease
      try {
        await this.#write(old, released(lease, old, new Date()), { timeoutMs: RELEASE_MS })
        logger.info({ identity }, 'Lease released')
      } catch (err) {
        await this.#refresh(RELEASE_MS)
        if (attempt < 2) continue
        logger.warn({ err }, 'the Lease could not be released; it expires by itself')
        return
      }
    }
  }

  async #write(
    old: ObservedLease | undefined,
    body: unknown,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<void> {
    const { client, lease } = this.#deps
    const path = leasesPath(lease)
    const request = { ...options, method: old ? 'PUT' : 'POST', body } as const
    this.#see(await client.request(old ? `${path}/${lease.name}` : path, request))
  }

  #see(object: unknown): void {
    this.#lease = observe(object, this.#lease, performance.now())
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, lease, logger } = this.#deps
    const onChange = (items: ReadonlyMap<string, unknown>): void => {
      const [object] = items.values()
      this.#listed = true
      // What was written here comes back by the watch, maybe after something newer.
      if (!this.#leading && object === undefined) this.#lease = undefined
      else if (!this.#leading) this.#see(object)
      this.#wake.abort()
    }
    const onError = (err: unknown, failures: number): void => {
      if (failures === 1) logger.warn({ err }, 'watching the Lease fails')
    }
    const fieldSelector = `metadata.name=${lease.name}`
    await watchObjects(
      client,
      { path: leasesPath(lease), fieldSelector, select: (object) => object },
      { signal, listener: { onChange, onError, onRecovered: () => undefined } },
    )
  }
}

/** Whether a write was refused because the Lease is not what it was taken for: changed, new or gone. */
function isOutdated(error: unknown): boolean {
  return error instanceof KubeError && (error.status === 409 || error.status === 404)
}
