import { DROP_REASONS } from '../../contract.ts'
import type { EngineDebug } from '../engine.ts'
import type { CapturedFrame } from './captured-frame.ts'
import { DebugReports, describeFrame } from './debug-reports.ts'
import { COUNTER, type RingOptions } from './ring-options.ts'

const SENDS = 2
const BLOCKS = 4
const FRAMES = 5

/** What the thread tells of its work: sends (level 2), blocks (4) and frames (5). */
export class WorkDebug {
  readonly #reports: DebugReports
  readonly #counters: Float64Array
  /** The counters when sends were told of last. */
  #before: Float64Array | undefined

  constructor(options: Pick<RingOptions, 'debug' | 'counters'>, post: (line: EngineDebug) => void) {
    this.#reports = new DebugReports(new Int32Array(options.debug), post)
    this.#counters = new Float64Array(options.counters)
  }

  /** Whether frame() is wanted. */
  get wantsFrames(): boolean {
    return this.#reports.wants(FRAMES)
  }

  /** The time at which a block was begun; 0 when nobody wants to know. */
  beginBlock(): number {
    return this.#reports.wants(BLOCKS) ? performance.now() : 0
  }

  /** A block is read. */
  endBlock(began: number, frames: number, bytes: number): void {
    if (began === 0) return
    const now = performance.now()
    const fields = { frames, bytes, tookMs: Math.round((now - began) * 1000) / 1000 }
    this.#reports.tell({ level: BLOCKS, message: 'block read', fields }, now)
  }

  /** A frame is captured. */
  frame(frame: CapturedFrame): void {
    const fields = describeFrame(frame)
    this.#reports.tell({ level: FRAMES, message: 'frame', fields }, performance.now())
  }

  /** Something was sent, or was not. */
  afterSend(): void {
    if (!this.#reports.wants(SENDS)) {
      this.#before = undefined
      return
    }
    const before = this.#before
    this.#before = this.#counters.slice()
    if (before === undefined) return
    const fields = changesBetween(before, this.#before)
    if (fields === undefined) return
    this.#reports.tell({ level: SENDS, message: 'frames sent', fields }, performance.now())
  }
}

/** What was sent and why what was not; undefined: nothing was. */
function changesBetween(before: Float64Array, after: Float64Array): object | undefined {
  const change = (place: number): number => (after[place] ?? 0) - (before[place] ?? 0)
  const frames = change(COUNTER.sentFrames)
  const drops = DROP_REASONS.map((reason, index) => [reason, change(COUNTER.firstDrop + index)])
  const dropped = Object.fromEntries(drops.filter(([, count]) => count !== 0)) as object
  if (frames === 0 && Object.keys(dropped).length === 0) return undefined
  return { frames, bytes: change(COUNTER.sentBytes), dropped }
}
