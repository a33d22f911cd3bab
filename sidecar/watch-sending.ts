/** Looks at an engine's counters now and then, for what they say about its destinations. */
import type { DestinationCounters, Engine, EngineCounters } from './engine/engine.ts'
import type { Look } from './sensor/refusals.ts'

/**
 * Milliseconds between two looks. Every frame until a dead sensor is left is lost; looking is reading
 * memory that the engine `ring` writes, or one message to the process of `cap`.
 */
const LOOK_MS = 50

/** The same while nothing is sent: 20 looks a second would be half of what an idle sidecar costs. */
const IDLE_LOOK_MS = 250

/**
 * Frames after a change of destinations that are not judged, per destination: the kernel reports refusals late, by the
 * sends that follow, so that the first of these may still be about the sensor before.
 */
const UNJUDGED_FRAMES = 16

/** What was last seen of a destination. */
interface Seen {
  counters: DestinationCounters
  unjudged: number
}

/** Turns counters into looks: what each shows is what became of the frames since the one before. */
export class SendingWatch {
  readonly #onLooks: (looks: ReadonlyMap<string, Look>) => void
  readonly #now: () => number
  #seen = new Map<string, Seen>()
  #sentFrames = 0
  #lastSentAt: number | undefined

  /**
   * `onLooks` is called after each interval in which frames were sent or failed, with a look for every
   * address of which that is so. `now` are milliseconds since 1970; Date.now unless a test says otherwise.
   */
  constructor(onLooks: (looks: ReadonlyMap<string, Look>) => void, now: () => number = Date.now) {
    this.#onLooks = onLooks
    this.#now = now
  }

  /** When a frame was last seen to be sent, late by one interval at most; milliseconds since 1970. */
  get lastSentAt(): number | undefined {
    return this.#lastSentAt
  }

  /** What the engine has counted by now. */
  look(counters: EngineCounters): void {
    this.#noteSent(counters.sentFrames)
    const { destinations } = counters
    const isSame =
      destinations.length === this.#seen.size &&
      destinations.every(({ address }) => this.#seen.has(address))
    if (!isSame) this.#seen = new Map(destinations.map((each) => [each.address, firstSight(each)]))
    const looks = new Map<string, Look>()
    for (const each of destinations) {
      const look = this.#lookAt(each)
      if (look !== undefined) looks.set(each.address, look)
    }
    if (looks.size > 0) this.#onLooks(looks)
  }

  /** Undefined where nothing happened, or what did is not to be judged. */
  #lookAt(counters: DestinationCounters): Look | undefined {
    const seen = this.#seen.get(counters.address)
    if (seen === undefined) return undefined
    const look = lookBetween(seen.counters, counters)
    seen.counters = counters
    const frames = look.sent + look.refused + look.unreachable
    const isJudged = seen.unjudged <= 0
    seen.unjudged -= frames
    return isJudged && frames > 0 ? look : undefined
  }

  #noteSent(frames: number): void {
    if (frames > this.#sentFrames) this.#lastSentAt = this.#now()
    this.#sentFrames = frames
  }
}

/** Lets `watch` look at `engine` until the signal aborts, and more often while frames are sent or fail. */
export function watchSending(
  engine: Pick<Engine, 'counters'>,
  watch: SendingWatch,
  signal: AbortSignal,
): void {
  let seenFrames = 0
  const look = async (): Promise<void> => {
    const counters = await engine.counters().catch(() => undefined)
    if (signal.aborted) return
    if (counters !== undefined) watch.look(counters)
    const frames = counters?.capturedFrames ?? 0
    lookAgainIn(frames === seenFrames ? IDLE_LOOK_MS : LOOK_MS)
    seenFrames = frames
  }
  // Not an interval: an engine that answers slowly is not asked again meanwhile.
  const lookAgainIn = (ms: number): void => {
    timer = setTimeout(() => void look(), ms).unref()
  }
  let timer: NodeJS.Timeout
  lookAgainIn(LOOK_MS)
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
  })
}

function firstSight(counters: DestinationCounters): Seen {
  return { counters, unjudged: UNJUDGED_FRAMES }
}

/** Counts that are lower than before are those of a new process, or of a destination that was left and came back. */
function lookBetween(before: DestinationCounters, after: DestinationCounters): Look {
  const isAnew = after.sentFrames < before.sentFrames || after.refused < before.refused
  return {
    sent: after.sentFrames - (isAnew ? 0 : before.sentFrames),
    refused: after.refused - (isAnew ? 0 : before.refused),
    unreachable: Math.max(0, after.unreachable - (isAnew ? 0 : before.unreachable)),
  }
}
