/** Saying once what is wrong, and once that it is over; what mends itself within moments is not said. */

/** Told of problems. */
export interface ProblemListener {
  onProblem(problem: string): void
  onSolved(problem: string): void
}

/** How long a problem must last, in milliseconds, before it is worth a word. */
export const GRACE_MS = 5_000

/** The problems of now. */
export class Problems {
  readonly #listener: ProblemListener
  readonly #graceMs: number
  readonly #known = new Map<string, { readonly since: number; said: boolean }>()

  constructor(listener: ProblemListener, graceMs = GRACE_MS) {
    this.#listener = listener
    this.#graceMs = graceMs
  }

  /** All of them, said or not. */
  get current(): readonly string[] {
    return [...this.#known.keys()]
  }

  /**
   * Takes over what is wrong at `now` (monotonic, milliseconds). Returns after how many milliseconds one
   * of them will be due; undefined: none is waiting.
   */
  update(problems: readonly string[], now: number): number | undefined {
    for (const [problem, { said }] of this.#known) {
      if (problems.includes(problem)) continue
      this.#known.delete(problem)
      if (said) this.#listener.onSolved(problem)
    }
    for (const problem of problems) this.#note(problem, now)
    const waiting = [...this.#known.values()].filter(({ said }) => !said)
    if (waiting.length === 0) return undefined
    return Math.min(...waiting.map(({ since }) => since + this.#graceMs - now))
  }

  #note(problem: string, now: number): void {
    const known = this.#known.get(problem) ?? { since: now, said: false }
    this.#known.set(problem, known)
    if (known.said || now - known.since < this.#graceMs) return
    known.said = true
    this.#listener.onProblem(problem)
  }
}
