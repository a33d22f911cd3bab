/**
 * npm cap hands over frames for as long as there are any and lets the event loop turn only when it has
 * emptied the buffer. Under a load that it cannot keep up with that never happens, and the process
 * would hear neither a new destination nor the order to stop. So when time and frames without a turn
 * are both used up, the rest of the buffer is given up, which takes no time and ends the hand-over.
 * Time alone says little: a busy machine or a CPU quota may stop the process after a handful of frames.
 */
export interface LoopBudget {
  /** Whether the event loop has not turned for too long. Cheap: it is asked for every frame. */
  isSpent(): boolean
}

/** What may pass without a turn of the event loop. */
export interface LoopAllowance {
  readonly milliseconds: number
  readonly frames: number
}

/** A budget that is spent when there was more than both; `now` is a clock in milliseconds. */
export function createLoopBudget(allowed: LoopAllowance, now: () => number): LoopBudget {
  let began: number | undefined
  let frames = 0
  const loopTurned = (): void => {
    began = undefined
    frames = 0
  }
  return {
    isSpent: () => {
      const time = now()
      frames += 1
      if (began === undefined) {
        began = time
        setImmediate(loopTurned)
      }
      return frames > allowed.frames && time - began > allowed.milliseconds
    },
  }
}
