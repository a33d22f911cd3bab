import type { Logger } from '../lib/logger.ts'
import { MAX_DEBUG_LEVEL } from './host-settings.ts'

/** A line that is written from some level on. */
export interface DebugLine {
  /** 1…MAX_DEBUG_LEVEL, see docs/host.md. */
  readonly level: number
  readonly message: string
  readonly fields: object
}

/** What is written beyond the log's own lines, by a level that can change at any time. */
export class DebugLog {
  readonly #log: Logger
  readonly #onLevel: (level: number) => void
  #level = 0

  /** `onLevel` is told every new level. */
  constructor(log: Logger, onLevel: (level: number) => void) {
    this.#log = log
    this.#onLevel = onLevel
  }

  get level(): number {
    return this.#level
  }

  /** Sets the level, held to 0…MAX_DEBUG_LEVEL. */
  setLevel(level: number): void {
    this.#level = Math.min(Math.max(level, 0), MAX_DEBUG_LEVEL)
    this.#onLevel(this.#level)
  }

  /** One level up or down, as a signal asks. */
  step(by: 1 | -1): void {
    this.setLevel(this.#level + by)
    this.#log.info({ debugLevel: this.#level }, 'debug level changed')
  }

  /** Writes `line` if the level is high enough. */
  write({ level, message, fields }: DebugLine): void {
    if (level <= this.#level) this.#log.info({ debug: level, ...fields }, message)
  }
}
