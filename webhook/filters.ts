/** Whether filters compile, asked of libpcap itself, as the sidecar will. */
import { filterProblemOf } from '../sidecar/engine/libpcap.ts'
import { Memory } from './memory.ts'

/** Where reviews ask about filters. */
export interface FilterDirectory {
  /** What is wrong with a pcap-filter expression, or undefined. Rejects where libpcap is missing. */
  problemOf(expression: string): Promise<string | undefined>
}

/** One rollout asks for one filter several times; an expression says the same for ever. */
const LIMITS = { entries: 200, lifeMs: Number.POSITIVE_INFINITY }

/** Compiles each expression once, as long as it is asked for. */
export class FilterChecker implements FilterDirectory {
  readonly #memory = new Memory<string | undefined>(LIMITS)

  async problemOf(expression: string): Promise<string | undefined> {
    return this.#memory.get(expression, () => filterProblemOf(expression))
  }
}
