import assert from 'node:assert/strict'
import test from 'node:test'
import { mapBounded } from '../../../cli/map-bounded.ts'

test('results keep the order of the items, and no more than the limit are under way', async () => {
  let running = 0
  let most = 0
  const gates = [3, 1, 2, 0].map((rank) => ({ rank, ...Promise.withResolvers<undefined>() }))
  const results = mapBounded(gates, 2, async ({ rank, promise }) => {
    running += 1
    most = Math.max(most, running)
    await promise
    running -= 1
    return rank
  })
  for (const { resolve } of gates.toReversed()) resolve(undefined)

  assert.deepEqual(await results, [3, 1, 2, 0])
  assert.equal(most, 2)
})

test('nothing is done for no items', async () => {
  assert.deepEqual(await mapBounded([], 4, () => Promise.reject(new Error('called'))), [])
})

test('one failure is the failure of all', async () => {
  await assert.rejects(
    mapBounded([1, 2], 1, (item) => Promise.reject(new Error(`failed ${item}`))),
    /failed 1/,
  )
})
