import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problems } from '../../../../webhook/certificates/problems.ts'

const GRACE_MS = 5_000

/** Problems, and what was said of them. */
function problems(): { said: readonly string[]; problems: Problems } {
  const said: string[] = []
  const listener = {
    onProblem: (problem: string) => said.push(`begins: ${problem}`),
    onSolved: (problem: string) => said.push(`ends: ${problem}`),
  }
  return { said, problems: new Problems(listener, GRACE_MS) }
}

test('a problem is said once it has lasted, and only once', () => {
  const { said, problems: known } = problems()

  assert.equal(known.update(['expired'], 0), 5_000)
  assert.equal(known.update(['expired'], 4_999), 1)
  assert.deepEqual(said, [])
  assert.equal(known.update(['expired'], 5_000), undefined)
  assert.equal(known.update(['expired'], 90_000), undefined)

  assert.deepEqual(said, ['begins: expired'])
})

test('its end is said where its beginning was', () => {
  const { said, problems: known } = problems()
  known.update(['expired'], 0)
  known.update(['expired'], 5_000)

  known.update([], 6_000)
  known.update([], 7_000)

  assert.deepEqual(said, ['begins: expired', 'ends: expired'])
  assert.deepEqual(known.current, [])
})

test('what mends itself within moments is not said, and begins anew when it comes back', () => {
  const { said, problems: known } = problems()
  known.update(['broken pair'], 0)
  known.update([], 4_000)

  assert.equal(known.update(['broken pair'], 4_500), 5_000)
  assert.deepEqual(said, [])
})

test('of several the one that is due first is waited for; all of them are current', () => {
  const { said, problems: known } = problems()
  known.update(['first'], 0)

  assert.equal(known.update(['first', 'second'], 2_000), 3_000)
  assert.deepEqual(known.current, ['first', 'second'])
  assert.equal(known.update(['first', 'second'], 5_000), 2_000)
  assert.deepEqual(said, ['begins: first'])
})
