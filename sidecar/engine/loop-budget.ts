/**
 * npm cap hands over frames for as long as there are any and lets the event loop turn only when it has
 * emptied the buffer. Under a load that it cannot keep up with that never happens, and the process
 * would hear neither a new destination nor the order to stop. So after `budgetMs` without a turn the
 * rest of the buffer is given up, which takes no time and ends the hand-over.
 */
export interface LoopBudget {
  /** Whether the event loop has not turned for too long. Cheap: it is asked for every frame. */
  isSpent(): boolean
}

/** A budget of `budgetMs` milliseconds; `now` is a clock in milliseconds. */
export function createLoopBudget(budgetMs: number, now: () => number): LoopBudget {
  let began: number | undefined
  const loopTurned = (): void => {
    began = undefined
  }
  return {
    isSpent: () => {
      const time = now()
      if (began === undefined) {
        began = time
        setImmediate(loopTurned)
      }
      return time - began > budgetMs
    },
  }
}
