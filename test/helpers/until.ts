/** How often a condition is looked at that nothing announces, such as the length of a file. */
const POLL_MS = 20

/**
 * Resolves with what `probe` returns as soon as that is neither undefined nor false.
 * @throws Error naming `what` when that has not happened within `timeoutMs`.
 */
export async function until<T>(
  what: () => string,
  probe: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what()}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
