/** What the parent thread tells the worker, and what both share. */
import type { ErrorCode } from '../../../lib/errors.ts'
import type { Fit, Receiver } from '../../contract.ts'
import type { InterfaceRules } from '../../interfaces/choose-interfaces.ts'
import {
  MAX_DESTINATIONS,
  type Destination,
  type EngineDebug,
  type EngineState,
  type InterfaceChange,
} from '../engine.ts'
import type { PortRange } from '../source-port-ranges.ts'
import { DROP_REASONS } from '../../contract.ts'
import type { RingSize } from './capture-ring.ts'

/**
 * 16 MB: a CPU quota of 25 ms in 100 ms freezes the process for 75 ms, in which 100,000 frames/s of
 * 1,400 bytes fill 10.5 MB. A block holds the longest frame that Linux builds (512 KiB, BIG TCP).
 */
export const DEFAULT_RING: RingSize = { blockBytes: 512 * 1024, blocks: 32, retireMs: 50 }

/** What the worker is told at start. */
export interface RingOptions {
  readonly interfaceName: string
  /** Several interfaces, chosen by these rules; then interfaceName does not count. */
  readonly interfaces?: InterfaceRules
  /** Whether copies of a packet on other interfaces are dropped. */
  readonly dedupLocal: boolean
  /** Addresses whose packets are left out. */
  readonly excluded: readonly string[]
  /** Shared memory: the debug level, one 32-bit number. */
  readonly debug: SharedArrayBuffer
  readonly vni: number
  /** pcap-filter expression of the user; may be empty. */
  readonly filter: string
  /** UDP destination port of mirrored frames. */
  readonly sensorPort: number
  /** How many UDP source ports flows are spread over, 1…MAX_SOURCE_PORTS. */
  readonly sourcePorts: number
  readonly ring: RingSize
  readonly fit: Fit
  /** Shared memory, see sharedCounters() and sharedResources(). */
  readonly counters: SharedArrayBuffer
  readonly resources: SharedArrayBuffer
  /** For tests and benchmarks: frames are sent one by one although the receiver would take runs. */
  readonly withoutRuns: boolean
  /** For tests: without the kernel's notes on checksum and segmentation, as on a kernel that has none. */
  readonly withoutVnetHeader: boolean
}

/** Where frames go to, as decided by the parent. */
export interface Target extends Destination {
  readonly receiver: Receiver
  /** Where it is counted, see destinationCounter(). */
  readonly slot: number
}

/** Parent to worker. */
export type Command =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  /** Instructions of a capture filter, 8 bytes each; answered by `filtered`. */
  | { readonly kind: 'filter'; readonly instructions: Uint8Array }
  | { readonly kind: 'rules'; readonly rules: InterfaceRules }
  | { readonly kind: 'excluded'; readonly addresses: readonly string[] }
  | { readonly kind: 'stop' }

/** Worker to parent. */
export type Report =
  | { readonly kind: 'ports'; readonly ports: PortRange }
  | { readonly kind: 'state'; readonly state: EngineState; readonly reason: string }
  | { readonly kind: 'interfaces'; readonly change: InterfaceChange }
  | { readonly kind: 'filtered' }
  | { readonly kind: 'debug'; readonly line: EngineDebug }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

/** The counters that the worker writes, as places in one Float64Array: exact up to 2^53. */
export const COUNTER = {
  capturedFrames: 0,
  capturedBytes: 1,
  sentFrames: 2,
  sentBytes: 3,
  datagrams: 4,
  splitFrames: 5,
  /** The most blocks that ever waited to be read. */
  ringPeak: 6,
  ringBlocks: 7,
  /** How often EMSGSIZE was said. */
  pathMtuErrors: 8,
  /** How often the interface went missing or down. */
  interruptions: 9,
  firstDrop: 10,
} as const

/** Destinations are counted in so many places: one that comes never gets the place that was left last. */
export const DESTINATION_SLOTS = 2 * MAX_DESTINATIONS

/** What is counted of each destination. */
const OF_DESTINATION = ['sent', 'refused', 'unreachable', 'pathMtu'] as const

/** How many counters that are. */
export const DESTINATION_COUNTERS = OF_DESTINATION.length

/** The place of a counter of the destination in `slot`, 0…DESTINATION_SLOTS - 1. */
export function destinationCounter(slot: number, name: (typeof OF_DESTINATION)[number]): number {
  return FIRST_DESTINATION + slot * DESTINATION_COUNTERS + OF_DESTINATION.indexOf(name)
}

/** One per reason to drop comes after those of COUNTER, then those of destinations. */
const FIRST_DESTINATION = COUNTER.firstDrop + DROP_REASONS.length
const COUNTERS = FIRST_DESTINATION + DESTINATION_SLOTS * DESTINATION_COUNTERS

/** Places of the memory that outlives a worker which ends without cleaning up. */
export const RESOURCE = {
  wakeFd: 0,
  captureFd: 1,
  mapAddress: 2,
  mapLength: 3,
  linkFd: 4,
  firstSocket: 5,
} as const

/** How many source ports there are unless the options say otherwise; `npm run bench -- --tune` shows what more cost. */
export const DEFAULT_SOURCE_PORTS = 8

/** Most source ports. */
export const MAX_SOURCE_PORTS = 64

/** Creates the counters, all 0. */
export function sharedCounters(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(COUNTERS * 8))
}

/** Creates the list of what the worker holds: file descriptors, -1 where there is none. */
export function sharedResources(): Float64Array<SharedArrayBuffer> {
  const sockets = 2 * MAX_SOURCE_PORTS * MAX_DESTINATIONS
  const resources = new Float64Array(new SharedArrayBuffer((RESOURCE.firstSocket + sockets) * 8))
  return resources.fill(-1)
}
