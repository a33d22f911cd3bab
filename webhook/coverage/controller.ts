/** Coverage as the webhook keeps it: counted for its metrics, told in events, by the leader alone. */
import { CoverageTerm, type CoverageCounts, type CoverageDeps } from './term.ts'

const NOTHING: ReadonlyMap<string, CoverageCounts> = new Map()

/** One for a process; it begins anew each time the process leads. */
export class CoverageController {
  readonly #deps: CoverageDeps
  #term: CoverageTerm | undefined

  constructor(deps: CoverageDeps) {
    this.#deps = deps
  }

  /** How many pods are in which state, by namespace; empty while another process leads. */
  get counts(): ReadonlyMap<string, CoverageCounts> {
    return this.#term?.counts ?? NOTHING
  }

  /** Says that namespaces may have changed. */
  trigger(): void {
    this.#term?.trigger()
  }

  /** Works until `signal` aborts: LeaderWork. */
  async run(signal: AbortSignal): Promise<void> {
    const term = new CoverageTerm(this.#deps)
    this.#term = term
    await term.run(signal)
    this.#term = undefined
  }
}
