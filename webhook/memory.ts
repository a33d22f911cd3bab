/** Remembering answers that cost something to get. */

/** How much is remembered, and for how long. */
export interface MemoryLimits {
  /** Most answers; the oldest is forgotten first. */
  readonly entries: number
  /** In milliseconds. */
  readonly lifeMs: number
}

/** Answers by key. An answer that fails is not remembered; one that is under way is waited for by all. */
export class Memory<T> {
  readonly #limits: MemoryLimits
  readonly #now: () => number
  readonly #answers = new Map<string, { readonly answer: Promise<T>; readonly until: number }>()

  /** `now` in milliseconds, from any beginning; it is there for tests. */
  constructor(limits: MemoryLimits, now: () => number = () => performance.now()) {
    this.#limits = limits
    this.#now = now
  }

  /** The answer for `key`: a remembered one, or that of `ask()`. Rejects as `ask()` does. */
  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(key)
    if (known !== undefined && known.until > this.#now()) return known.answer
    const answer = ask()
    this.#answers.delete(key)
    this.#answers.set(key, { answer, until: this.#now() + this.#limits.lifeMs })
    const [oldest = ''] = this.#answers.keys()
    if (this.#answers.size > this.#limits.entries) this.#answers.delete(oldest)
    try {
      return await answer
    } catch (error) {
      if (this.#answers.get(key)?.answer === answer) this.#answers.delete(key)
      throw error
    }
  }
}
