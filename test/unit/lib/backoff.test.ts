import assert from 'node:assert/strict'
import test from 'node:test'
import { backoffMs, sleep } from '../../../lib/backoff.ts'

const LIMITS = { firstMs: 100, ceilingMs: 1000 }

test('the limit doubles with each failure up to the ceiling', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 1000].map((failures) => backoffMs(failures, LIMITS, () => 1))

  assert.deepEqual(pauses, [100, 200, 400, 800, 1000, 1000, 1000])
})

test('the pause is a random part of the limit', () => {
  assert.deepEqual(
    [0, 0.25, 0.5].map((random) => backoffMs(3, LIMITS, () => random)),
    [0, 100, 200],
  )
})

test('an abort ends a sleep', { timeout: 5000 }, async () => {
  const abort = new AbortController()

  const slept = sleep(60_000, abort.signal)
  abort.abort()
  await slept
  await sleep(60_000, abort.signal)

  assert.ok(abort.signal.aborted)
})

test('a sleep takes its time', { timeout: 5000 }, async () => {
  const begin = performance.now()

  await sleep(30)

  assert.ok(performance.now() - begin >= 29)
})
