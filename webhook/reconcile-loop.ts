/** Keeping something in the cluster as it should be: looked at when something changed, and now and then. */
import { backoffMs, sleep, type BackoffLimits } from '../lib/backoff.ts'

/** What a loop does and how it reports. */
export interface ReconcileOptions {
  /** Compares what is with what should be, and mends it; rejects when it could not. */
  reconcile(): Promise<void>
  /** Called for each failed attempt; `failures` (≥ 1) counts them in a row. */
  onError(error: unknown, failures: number): void
  /** Called when it works again. */
  onRecovered(): void
  /** Longest time between two looks, in milliseconds; INTERVAL_MS by default. */
  readonly intervalMs?: number | (() => number)
  readonly backoff?: BackoffLimits
}

/** A minute: what drifts unseen is mended before most people notice. */
export const INTERVAL_MS = 60_000

const BACKOFF: BackoffLimits = { firstMs: 1_000, ceilingMs: 30_000 }

/** Runs one reconcile at a time; triggers that come meanwhile lead to one more. */
export class ReconcileLoop {
  readonly #options: ReconcileOptions
  #wake = new AbortController()
  #failures = 0

  constructor(options: ReconcileOptions) {
    this.#options = options
  }

  /** Asks for another look, at once or as soon as the present one is over. */
  trigger(): void {
    this.#wake.abort()
  }

  /** Looks until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => {
      this.trigger()
    }
    signal.addEventListener('abort', wake)
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const pauseMs = await this.#attempt()
      await sleep(pauseMs, this.#wake.signal)
    }
    signal.removeEventListener('abort', wake)
  }

  /** Returns how long to wait for a trigger, in milliseconds. */
  async #attempt(): Promise<number> {
    const { intervalMs = INTERVAL_MS, backoff = BACKOFF } = this.#options
    try {
      await this.#options.reconcile()
      if (this.#failures > 0) this.#options.onRecovered()
      this.#failures = 0
      return typeof intervalMs === 'number' ? intervalMs : intervalMs()
    } catch (error) {
      this.#failures += 1
      this.#options.onError(error, this.#failures)
      return backoffMs(this.#failures, backoff, Math.random)
    }
  }
}
