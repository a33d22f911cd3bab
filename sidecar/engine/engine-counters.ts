/** The arithmetic of EngineCounters. */
import { DROP_REASONS, type DropReason } from '../contract.ts'
import type { EngineCounters } from './engine.ts'

/** Counters of an engine that has done nothing yet. */
export function zeroCounters(): EngineCounters {
  return {
    capturedFrames: 0,
    capturedBytes: 0,
    sentFrames: 0,
    sentBytes: 0,
    dropped: byReason(() => 0),
    restarts: 0,
    pathMtuErrors: 0,
    destinations: [],
  }
}

/** The counters of two lives of one engine, together; the destinations are those of the second. */
export function addCounters(first: EngineCounters, second: EngineCounters): EngineCounters {
  return {
    capturedFrames: first.capturedFrames + second.capturedFrames,
    capturedBytes: first.capturedBytes + second.capturedBytes,
    sentFrames: first.sentFrames + second.sentFrames,
    sentBytes: first.sentBytes + second.sentBytes,
    dropped: byReason((reason) => first.dropped[reason] + second.dropped[reason]),
    restarts: first.restarts + second.restarts,
    pathMtuErrors: first.pathMtuErrors + second.pathMtuErrors,
    destinations: second.destinations,
  }
}

/** How many frames were dropped, whatever the reason. */
export function droppedFrames(counters: EngineCounters): number {
  return DROP_REASONS.reduce((sum, reason) => sum + counters.dropped[reason], 0)
}

/** A value for every reason, in the order of DROP_REASONS. */
export function byReason(valueOf: (reason: DropReason) => number): Record<DropReason, number> {
  const values = DROP_REASONS.map((reason) => [reason, valueOf(reason)] as const)
  return Object.fromEntries(values) as Record<DropReason, number>
}
