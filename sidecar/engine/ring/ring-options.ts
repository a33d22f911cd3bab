/** What the parent thread tells the worker, and what both share. */
import type { ErrorCode } from '../../../lib/errors.ts'
import type { Fit, Receiver } from '../../contract.ts'
import type { InterfaceRules } from '../../interfaces/choose-interfaces.ts'
import type { Destination, EngineState, InterfaceChange } from '../engine.ts'
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
  readonly vni: number
  /** pcap-filter expression of the user; may be empty. */
  readonly filter: string
  /** UDP destination port of mirrored frames. */
  readonly sensorPort: number
  /** How many UDP source ports flows are spread over, 1…MAX_LANES. */
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
}

/** Parent to worker. */
export type Command =
  { readonly kind: 'targets'; readonly targets: readonly Target[] } | { readonly kind: 'stop' }

/** Worker to parent. */
export type Report =
  | { readonly kind: 'state'; readonly state: EngineState; readonly reason: string }
  | { readonly kind: 'interfaces'; readonly change: InterfaceChange }
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
  pathMtu: 8,
  /** How often the interface went missing or down. */
  interruptions: 9,
  firstDrop: 10,
} as const

/** How many counters there are: one per reason to drop comes last. */
export const COUNTERS = COUNTER.firstDrop + DROP_REASONS.length

/** Places of the memory that outlives a worker which ends without cleaning up. */
export const RESOURCE = {
  wakeFd: 0,
  captureFd: 1,
  mapAddress: 2,
  mapLength: 3,
  linkFd: 4,
  firstSocket: 5,
} as const

/** Most source ports. */
export const MAX_LANES = 64

/** Creates the counters, all 0. */
export function sharedCounters(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(COUNTERS * 8))
}

/** Creates the list of what the worker holds: file descriptors, -1 where there is none. */
export function sharedResources(): Float64Array<SharedArrayBuffer> {
  const resources = new Float64Array(
    new SharedArrayBuffer((RESOURCE.firstSocket + 2 * MAX_LANES) * 8),
  )
  return resources.fill(-1)
}
