import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Memory } from '../../../webhook/memory.ts'

/** Counts how often it is asked. */
function counter(): { ask: () => Promise<number>; asked: () => number } {
  let count = 0
  return { ask: () => Promise.resolve((count += 1)), asked: () => count }
}

test('an answer is asked for once, also by those who come while it is under way', async () => {
  const memory = new Memory<number>({ entries: 10, lifeMs: 1000 })
  const { ask, asked } = counter()

  const answers = await Promise.all([memory.get('a', ask), memory.get('a', ask)])

  assert.deepEqual([...answers, await memory.get('a', ask), asked()], [1, 1, 1, 1])
})

test('an answer is forgotten when its time is over', async () => {
  let now = 0
  const memory = new Memory<number>({ entries: 10, lifeMs: 1000 }, () => now)
  const { ask } = counter()
  await memory.get('a', ask)

  now = 999
  const early = await memory.get('a', ask)
  now = 1000
  const late = await memory.get('a', ask)

  assert.deepEqual([early, late], [1, 2])
})

test('the oldest answer makes room', async () => {
  const memory = new Memory<number>({ entries: 2, lifeMs: 1000 })
  const { ask } = counter()
  for (const key of ['a', 'b', 'c']) await memory.get(key, ask)

  assert.deepEqual([await memory.get('b', ask), await memory.get('a', ask)], [2, 4])
})

test('a failure is told and not remembered', async () => {
  const memory = new Memory<number>({ entries: 2, lifeMs: 1000 })
  await assert.rejects(
    memory.get('a', () => Promise.reject(new Error('no answer'))),
    /no answer/,
  )

  assert.equal(await memory.get('a', () => Promise.resolve(7)), 7)
})
