import assert from 'node:assert/strict'
import test from 'node:test'
import { summarize } from '../../../cli/counter-summary.ts'
import { countersOf } from '../../helpers/memory-engine.ts'

test('a summary names the reasons for which frames were dropped', () => {
  const counters = countersOf(
    { capturedFrames: 120, sentFrames: 117 },
    { kernel: 1, 'no-sensor': 2 },
  )

  assert.equal(
    summarize(counters),
    'captured 120 frames, sent 117, dropped 3 (kernel 1, no-sensor 2)',
  )
})

test('a summary without drops is short', () => {
  assert.equal(
    summarize(countersOf({ capturedFrames: 5, sentFrames: 5 })),
    'captured 5 frames, sent 5, dropped 0',
  )
})
