/** Looks at an engine's counters now and then, for what they say about its destination. */
import type { Engine, EngineCounters } from './engine/engine.ts'
import type { Look } from './sensor/refusals.ts'

/**
 * Milliseconds between two looks. Every frame until a dead sensor is left is lost; looking is reading
 * memory that the engine `ring` writes, or one message to the process of `cap`.
 */
const LOOK_MS = 50

/**
 * Frames after a change of destination that are not judged: the kernel reports refusals late, by the
 * sends that follow, so that the first of these may still be about the sensor before.
 */
const UNJUDGED_FRAMES = 16

/** Turns counters into looks: what each shows is what became of the frames since the one before. */
export class SendingWatch {
  readonly #onLook: (look: Look) => void
  readonly #now: () => number
  #last: EngineCounters | undefined
  #unjudged = 0
  #sentFrames = 0
  #lastSentAt: number | undefined

  /**
   * `onLook` is called after each interval in which frames were sent or failed. `now` are milliseconds
   * since 1970; Date.now unless a test says otherwise.
   */
  constructor(onLook: (look: Look) => void, now: () => number = Date.now) {
    this.#onLook = onLook
    this.#now = now
  }

  /** When a frame was last seen to be sent, late by one interval at most; milliseconds since 1970. */
  get lastSentAt(): number | undefined {
    return this.#lastSentAt
  }

  /** The next looks are about another destination. */
  destinationChanged(): void {
    this.#last = undefined
    this.#unjudged = UNJUDGED_FRAMES
  }

  /** What the engine has counted by now. */
  look(counters: EngineCounters): void {
    const before = this.#last
    this.#last = counters
    this.#noteSent(counters.sentFrames)
    if (before === undefined) return
    const look = lookBetween(before, counters)
    const frames = look.sent + look.refused + look.unreachable
    const isJudged = this.#unjudged <= 0
    this.#unjudged -= frames
    if (isJudged && frames > 0) this.#onLook(look)
  }

  #noteSent(frames: number): void {
    if (frames > this.#sentFrames) this.#lastSentAt = this.#now()
    this.#sentFrames = frames
  }
}

/** Lets `watch` look at `engine` until the signal aborts. */
export function watchSending(
  engine: Pick<Engine, 'counters'>,
  watch: SendingWatch,
  signal: AbortSignal,
): void {
  let isLooking = false
  const timer = setInterval(() => {
    // An engine that answers slowly is not asked again meanwhile.
    if (isLooking) return
    isLooking = true
    void engine
      .counters()
      .then((counters) => {
        watch.look(counters)
      })
      .finally(() => {
        isLooking = false
      })
  }, LOOK_MS)
  timer.unref()
  signal.addEventListener('abort', () => {
    clearInterval(timer)
  })
}

function lookBetween(before: EngineCounters, after: EngineCounters): Look {
  return {
    sent: after.sentFrames - before.sentFrames,
    refused: after.dropped.refused - before.dropped.refused,
    unreachable: after.dropped.unreachable - before.dropped.unreachable,
  }
}
