/** Bounds of the pauses between attempts, in milliseconds. */
export interface BackoffLimits {
  /** Longest pause before the second attempt. */
  readonly firstMs: number
  /** No pause is longer than this. */
  readonly ceilingMs: number
}

/** Numbers in [0, 1), as Math.random gives them. */
export type Random = () => number

/** Waits; resolves early, and never rejects, when `signal` aborts. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

/**
 * The pause before the next attempt after `failures` (≥ 1) failures in a row: a random part of an
 * exponentially growing limit ("full jitter"), so that thousands of clients that lost the same server
 * at the same moment do not come back at the same moment.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(failures: number, limits: BackoffLimits, random: Random): number {
  const limit = Math.min(limits.ceilingMs, limits.firstMs * 2 ** (failures - 1))
  return Math.round(random() * limit)
}

/** The real Sleep. */
export const sleep: Sleep = (ms, signal) => {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}
