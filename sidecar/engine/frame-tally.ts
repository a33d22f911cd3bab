import type { DropReason } from '../contract.ts'
import { byReason } from './engine-counters.ts'
import type { DestinationCounters, EngineCounters } from './engine.ts'

/** What is counted of one destination. */
export type DestinationTally = {
  -readonly [Name in keyof DestinationCounters]: DestinationCounters[Name]
}

/** Counters of a destination that nothing was sent to yet. */
export function tallyOf(address: string): DestinationTally {
  return { address, sentFrames: 0, refused: 0, unreachable: 0, pathMtu: 0 }
}

/** Counts frames on their way through an engine: each is captured once, then sent or dropped once. */
export class FrameTally {
  readonly #dropped = byReason(() => 0)
  #capturedFrames = 0
  #capturedBytes = 0
  #sentFrames = 0
  #sentBytes = 0
  /** Of the destinations of now. */
  destinations: readonly DestinationTally[] = []

  /** A frame of `bytes` bytes was captured. */
  captured(bytes: number): void {
    this.#capturedFrames += 1
    this.#capturedBytes += bytes
  }

  /** A captured frame left as a datagram with `bytes` bytes of payload. */
  sent(bytes: number): void {
    this.#sentFrames += 1
    this.#sentBytes += bytes
  }

  /** A captured frame was given up. */
  dropped(reason: DropReason): void {
    this.#dropped[reason] += 1
  }

  /** The kernel captured `frames` frames, of unknown size, and dropped them before anyone saw them. */
  lostInKernel(frames: number): void {
    this.#capturedFrames += frames
    this.#dropped.kernel += frames
  }

  /** The counts of now. */
  snapshot(): EngineCounters {
    return {
      capturedFrames: this.#capturedFrames,
      capturedBytes: this.#capturedBytes,
      sentFrames: this.#sentFrames,
      sentBytes: this.#sentBytes,
      dropped: { ...this.#dropped },
      restarts: 0,
      pathMtuErrors: 0,
      destinations: this.destinations.map((each) => ({ ...each })),
    }
  }
}
