import assert from 'node:assert/strict'
import test from 'node:test'
import {
  addCounters,
  droppedFrames,
  zeroCounters,
} from '../../../../sidecar/engine/engine-counters.ts'
import type { EngineCounters } from '../../../../sidecar/engine/engine.ts'

const FIRST: EngineCounters = {
  capturedFrames: 10,
  capturedBytes: 1000,
  sentFrames: 4,
  sentBytes: 432,
  dropped: {
    kernel: 1,
    truncated: 2,
    'no-sensor': 3,
    'too-long': 0,
    refused: 0,
    unreachable: 0,
    backlog: 0,
    duplicate: 0,
    'send-error': 0,
  },
  restarts: 1,
  pathMtuErrors: 2,
  destinations: [],
}

test('an engine that has done nothing has counted nothing, for every reason', () => {
  assert.deepEqual(zeroCounters(), {
    capturedFrames: 0,
    capturedBytes: 0,
    sentFrames: 0,
    sentBytes: 0,
    dropped: {
      kernel: 0,
      truncated: 0,
      'no-sensor': 0,
      'too-long': 0,
      refused: 0,
      unreachable: 0,
      backlog: 0,
      duplicate: 0,
      'send-error': 0,
    },
    restarts: 0,
    pathMtuErrors: 0,
    destinations: [],
  })
})

test('the counters of two lives add up, reason by reason', () => {
  assert.deepEqual(addCounters(FIRST, { ...FIRST, restarts: 0 }), {
    capturedFrames: 20,
    capturedBytes: 2000,
    sentFrames: 8,
    sentBytes: 864,
    dropped: {
      kernel: 2,
      truncated: 4,
      'no-sensor': 6,
      'too-long': 0,
      refused: 0,
      unreachable: 0,
      backlog: 0,
      duplicate: 0,
      'send-error': 0,
    },
    restarts: 1,
    pathMtuErrors: 4,
    destinations: [],
  })
})

test('all reasons together are what was dropped', () => {
  assert.equal(droppedFrames(FIRST), 6)
})
