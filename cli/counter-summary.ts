import type { DropReason } from '../sidecar/contract.ts'

/** The counts that a summary shows; those of an engine. */
export interface SummarizedCounters {
  readonly capturedFrames: number
  readonly sentFrames: number
  readonly dropped: Readonly<Record<DropReason, number>>
}

/** One line: `captured 120 frames, sent 117, dropped 3 (kernel 1, no-sensor 2)`. */
export function summarize({ capturedFrames, sentFrames, dropped }: SummarizedCounters): string {
  const reasons = Object.entries(dropped).filter(([, frames]) => frames > 0)
  const total = reasons.reduce((sum, [, frames]) => sum + frames, 0)
  const list = reasons.map(([reason, frames]) => `${reason} ${frames}`).join(', ')
  const why = list === '' ? '' : ` (${list})`
  return `captured ${capturedFrames} frames, sent ${sentFrames}, dropped ${total}${why}`
}
