import assert from 'node:assert/strict'
import test from 'node:test'
import { zeroCounters } from '../../../../sidecar/engine/engine-counters.ts'
import { FrameTally } from '../../../../sidecar/engine/frame-tally.ts'

test('every frame is counted on its way in and on its way out', () => {
  const tally = new FrameTally()

  tally.captured(60)
  tally.captured(1514)
  tally.captured(90)
  tally.sent(68)
  tally.dropped('too-long')
  tally.dropped('no-sensor')

  assert.deepEqual(tally.snapshot(), {
    ...zeroCounters(),
    capturedFrames: 3,
    capturedBytes: 1664,
    sentFrames: 1,
    sentBytes: 68,
    dropped: { ...zeroCounters().dropped, 'too-long': 1, 'no-sensor': 1 },
  })
})

test('what the kernel lost was captured and dropped', () => {
  const tally = new FrameTally()

  tally.lostInKernel(5)
  tally.lostInKernel(0)

  assert.deepEqual(tally.snapshot(), {
    ...zeroCounters(),
    capturedFrames: 5,
    dropped: { ...zeroCounters().dropped, kernel: 5 },
  })
})

test('a snapshot does not change with what comes after it', () => {
  const tally = new FrameTally()
  const snapshot = tally.snapshot()

  tally.dropped('refused')

  assert.deepEqual(snapshot, zeroCounters())
})
