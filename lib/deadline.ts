/** A time limit for something that takes an AbortSignal; clear() it when that something is over. */
export interface Deadline {
  /** Aborts when the time is up, or when the outer signal aborts, with that one's reason. */
  readonly signal: AbortSignal
  /** True once the time was up. */
  readonly expired: boolean
  /** Begins to count anew, from now, with `ms` milliseconds. */
  restart(ms: number): void
  /** Ends the limit and lets go of the outer signal. Idempotent. */
  clear(): void
}

/**
 * A Deadline of `ms` milliseconds. It is used instead of AbortSignal.any and AbortSignal.timeout
 * because it can be restarted at each sign of life and leaves nothing behind on a signal that lives
 * as long as the process.
 */
export function startDeadline(ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController()
  let expired = false
  const expire = (limitMs: number): void => {
    expired = true
    controller.abort(new Error(`no answer within ${limitMs} ms`))
  }
  let timer = setTimeout(expire, ms, ms)
  const follow = (): void => {
    controller.abort(outer?.reason)
  }
  if (outer?.aborted) follow()
  outer?.addEventListener('abort', follow)
  return {
    signal: controller.signal,
    get expired() {
      return expired
    },
    restart: (nextMs) => {
      clearTimeout(timer)
      timer = setTimeout(expire, nextMs, nextMs)
    },
    clear: () => {
      clearTimeout(timer)
      outer?.removeEventListener('abort', follow)
    },
  }
}
