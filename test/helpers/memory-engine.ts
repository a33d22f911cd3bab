import { DROP_REASONS, type DropReason } from '../../sidecar/contract.ts'
import type {
  Destination,
  Engine,
  EngineCounters,
  EngineState,
} from '../../sidecar/engine/engine.ts'

/** An engine that captures nothing and keeps what it was told. */
export class MemoryEngine implements Engine {
  readonly name = 'cap'
  state: EngineState = 'stopped'
  /** What setDestinations() was called with, call by call. */
  readonly destinations: (readonly Destination[])[] = []
  filter = ''
  bufferPeak: number | undefined
  /** Errors that the next calls of start() end with. */
  readonly startErrors: Error[] = []
  counts: EngineCounters = countersOf({})
  starts = 0
  stops = 0

  start(): Promise<void> {
    this.starts += 1
    const error = this.startErrors.shift()
    if (error) return Promise.reject(error)
    this.state = 'capturing'
    return Promise.resolve()
  }

  setDestinations(destinations: readonly Destination[]): void {
    this.destinations.push(destinations)
  }

  setFilter(expression: string): Promise<void> {
    this.filter = expression
    return Promise.resolve()
  }

  takeBufferPeak(): number | undefined {
    return this.bufferPeak
  }

  counters(): Promise<EngineCounters> {
    return Promise.resolve(this.counts)
  }

  stop(): Promise<void> {
    this.stops += 1
    this.state = 'stopped'
    return Promise.resolve()
  }
}

/** Counters that are 0 but for those given. */
export function countersOf(
  given: Partial<Omit<EngineCounters, 'dropped'>>,
  dropped: Partial<Record<DropReason, number>> = {},
): EngineCounters {
  const none = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0]))
  return {
    capturedFrames: 0,
    capturedBytes: 0,
    sentFrames: 0,
    sentBytes: 0,
    restarts: 0,
    pathMtuErrors: 0,
    destinations: [],
    ...given,
    dropped: { ...(none as Record<DropReason, number>), ...dropped },
  }
}
