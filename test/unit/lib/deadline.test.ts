import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { startDeadline } from '../../../lib/deadline.ts'

test('a deadline aborts with what it waited for', { timeout: 5000 }, async () => {
  const deadline = startDeadline(10)

  await once(deadline.signal, 'abort')

  assert.equal(deadline.expired, true)
  assert.deepEqual(deadline.signal.reason, new Error('no answer within 10 ms'))
})

test('an abort from outside is passed on with its reason, and is no expiry', () => {
  const outer = new AbortController()
  const deadline = startDeadline(60_000, outer.signal)

  outer.abort('enough')
  deadline.clear()

  assert.deepEqual([deadline.signal.aborted, deadline.signal.reason], [true, 'enough'])
  assert.equal(deadline.expired, false)
})

test('a signal that had aborted before aborts the deadline at once', () => {
  const deadline = startDeadline(60_000, AbortSignal.abort('before'))
  deadline.clear()

  assert.equal(deadline.signal.reason, 'before')
})

test('a restarted deadline counts anew with the new time', { timeout: 5000 }, async () => {
  const deadline = startDeadline(60_000)

  deadline.restart(10)
  await once(deadline.signal, 'abort')

  assert.deepEqual(deadline.signal.reason, new Error('no answer within 10 ms'))
})

test('a cleared deadline does not follow the outer signal any more', () => {
  const outer = new AbortController()
  const deadline = startDeadline(60_000, outer.signal)

  deadline.clear()
  outer.abort()

  assert.equal(deadline.signal.aborted, false)
})
