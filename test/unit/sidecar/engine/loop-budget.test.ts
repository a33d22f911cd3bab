import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate as loopTurn } from 'node:timers/promises'
import { createLoopBudget } from '../../../../sidecar/engine/loop-budget.ts'

test('the budget is spent when the event loop has not turned for longer than allowed', () => {
  let now = 1000
  const budget = createLoopBudget({ milliseconds: 100, frames: 0 }, () => now)

  const asked = [0, 50, 100, 101, 500].map((passed) => {
    now = 1000 + passed
    return budget.isSpent()
  })

  assert.deepEqual(asked, [false, false, false, true, true])
})

test('a turn of the event loop renews the budget', async () => {
  let now = 0
  const budget = createLoopBudget({ milliseconds: 100, frames: 0 }, () => now)
  budget.isSpent()
  now = 200
  assert.equal(budget.isSpent(), true)

  await loopTurn()

  assert.equal(budget.isSpent(), false)
  now = 301
  assert.equal(budget.isSpent(), true)
})

test('time without frames spends nothing', async () => {
  let now = 0
  const budget = createLoopBudget({ milliseconds: 100, frames: 0 }, () => now)
  budget.isSpent()
  await loopTurn()

  now = 10_000

  assert.equal(budget.isSpent(), false)
})

test('a process that was stopped after a few frames has spent nothing', async () => {
  let now = 0
  const budget = createLoopBudget({ milliseconds: 100, frames: 3 }, () => now)
  budget.isSpent()
  now = 5000

  assert.deepEqual([budget.isSpent(), budget.isSpent(), budget.isSpent()], [false, false, true])
  await loopTurn()
  assert.equal(budget.isSpent(), false)
})
