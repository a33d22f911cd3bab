/**
 * Where in the shared counters each destination is counted. A place is used again by other
 * destinations, so what it held before is taken off.
 */
import type { Destination, DestinationCounters } from '../engine.ts'
import {
  DESTINATION_COUNTERS,
  DESTINATION_SLOTS,
  destinationCounter,
  type Target,
} from './ring-options.ts'

/** The targets of now, and what their places held when they were given to them. */
export class DestinationSlots {
  #targets: readonly Target[] = []
  readonly #counters: Float64Array
  readonly #before = new Float64Array(DESTINATION_SLOTS * DESTINATION_COUNTERS)
  #latest = -1

  /** `counters` is the memory that the thread writes. */
  constructor(counters: Float64Array) {
    this.#counters = counters
  }

  /** The targets for `destinations`, at most MAX_DESTINATIONS; those that stay keep their place. */
  assign(destinations: readonly Destination[]): readonly Target[] {
    const kept = new Map(this.#targets.map(({ address, slot }) => [address, slot]))
    const taken = new Set(destinations.map(({ address }) => kept.get(address)))
    this.#targets = destinations.map((destination) => ({
      ...destination,
      receiver: destination.receiver ?? 'sniffer',
      slot: kept.get(destination.address) ?? this.#takeSlot(taken),
    }))
    return this.#targets
  }

  /** What is counted of each target. */
  read(): readonly DestinationCounters[] {
    return this.#targets.map(({ address, slot }) => ({
      address,
      sentFrames: this.#since(destinationCounter(slot, 'sent')),
      refused: this.#since(destinationCounter(slot, 'refused')),
      unreachable: this.#since(destinationCounter(slot, 'unreachable')),
      pathMtu: this.#counters[destinationCounter(slot, 'pathMtu')] ?? 0,
    }))
  }

  /** The slot that was left the longest ago: what is still under way is counted in those left last. */
  #takeSlot(taken: Set<number | undefined>): number {
    do this.#latest = (this.#latest + 1) % DESTINATION_SLOTS
    while (taken.has(this.#latest))
    taken.add(this.#latest)
    const first = destinationCounter(this.#latest, 'sent')
    const held = this.#counters.subarray(first, first + DESTINATION_COUNTERS)
    this.#before.set(held, this.#latest * DESTINATION_COUNTERS)
    return this.#latest
  }

  #since(counter: number): number {
    const before = this.#before[counter - destinationCounter(0, 'sent')] ?? 0
    return (this.#counters[counter] ?? 0) - before
  }
}
