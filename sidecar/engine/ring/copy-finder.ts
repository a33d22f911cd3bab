import { createPacket } from '../packet.ts'
import { readPacket } from '../read-packet.ts'
import type { CaptureRing } from './capture-ring.ts'
import type { CapturedFrame } from './captured-frame.ts'
import { LocalDuplicates } from './duplicates.ts'

/** Finds copies among the frames of a ring. */
export class CopyFinder {
  readonly #ring: Pick<CaptureRing, 'place'>
  readonly #duplicates = new LocalDuplicates()
  readonly #packet = createPacket()
  readonly #sight = { place: 0, now: 0 }

  /** `ring` says where the frame of the moment was seen. */
  constructor(ring: Pick<CaptureRing, 'place'>) {
    this.#ring = ring
  }

  /** Looks at the clock: once a block, since the kernel hands over what it has seen in 50 ms at once. */
  tick(): void {
    this.#sight.now = performance.now()
  }

  /** Whether the frame that the ring gave last is a copy. It must not have been changed yet. */
  isCopy(frame: CapturedFrame): boolean {
    readPacket(frame, this.#packet)
    this.#sight.place = this.#ring.place()
    return this.#duplicates.isCopy(frame, this.#packet, this.#sight)
  }
}
