import type { CapturedFrame } from './captured-frame.ts'

/** A line for the log, and from which level on it is wanted. */
export interface DebugReport {
  readonly level: number
  readonly message: string
  readonly fields: object
}

/**
 * Most lines of a level in a second: hex of a frame is 3 KB, so this is at most 60 KB. Each level has its
 * own, or frames would leave no line to what is rarer.
 */
const LINES_PER_SECOND = 20

/** Debug levels, 0…5. */
const LEVELS = 6

/** Bytes of a frame that are shown. */
const SHOWN_BYTES = 1518

/**
 * What the thread tells of its work. The level lies in shared memory: asking for it costs a load, and
 * below the level of a line nothing of it is made.
 */
export class DebugReports {
  readonly #level: Int32Array
  readonly #post: (report: DebugReport) => void
  #second = 0
  /** Lines of this second, and lines that were left out since the last one, by level. */
  readonly #lines = new Uint32Array(LEVELS)
  readonly #omitted = new Uint32Array(LEVELS)

  /** `level` is one number that another thread may change. */
  constructor(level: Int32Array, post: (report: DebugReport) => void) {
    this.#level = level
    this.#post = post
  }

  /** Whether lines of `level` are wanted now. */
  wants(level: number): boolean {
    return (this.#level[0] ?? 0) >= level
  }

  /** Tells, or counts as omitted. Ask wants() before. */
  tell(report: DebugReport, now: number): void {
    const { level } = report
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#lines.fill(0)
    }
    const lines = this.#lines[level] ?? 0
    const omittedLines = this.#omitted[level] ?? 0
    if (lines >= LINES_PER_SECOND) {
      this.#omitted[level] = omittedLines + 1
      return
    }
    this.#lines[level] = lines + 1
    this.#omitted[level] = 0
    const omitted = omittedLines === 0 ? {} : { omittedLines }
    this.#post({ ...report, fields: { ...report.fields, ...omitted } })
  }
}

/** The bytes of a frame for level 5; `bytes` says how long it is when not all are shown. */
export function describeFrame({ bytes, start, end }: CapturedFrame): object {
  const shown = bytes.subarray(start, Math.min(end, start + SHOWN_BYTES))
  return { bytes: end - start, hex: Buffer.from(shown).toString('hex') }
}
