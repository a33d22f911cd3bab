import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import { test } from 'node:test'
import { ReconcileLoop } from '../../../webhook/reconcile-loop.ts'

test('it looks at once, at each trigger, and until it succeeds', async () => {
  const seen = new EventEmitter()
  const events: string[] = []
  let failing = 2
  const note = (event: string): void => {
    events.push(event)
    seen.emit(event)
  }
  const loop = new ReconcileLoop({
    reconcile: () => {
      if (failing-- > 0) return Promise.reject(new Error('not yet'))
      note('done')
      return Promise.resolve()
    },
    onError: (_error, failures) => {
      note(`failure ${failures}`)
    },
    onRecovered: () => {
      note('recovered')
    },
    backoff: { firstMs: 1, ceilingMs: 1 },
  })
  const ending = new AbortController()

  const recovered = once(seen, 'recovered')
  const running = loop.run(ending.signal)
  await recovered
  const again = once(seen, 'done')
  loop.trigger()
  await again
  ending.abort()
  await running

  assert.deepEqual(events, ['failure 1', 'failure 2', 'done', 'recovered', 'done'])
})

test('triggers during a look lead to one more', async () => {
  let looks = 0
  const ending = new AbortController()
  const loop = new ReconcileLoop({
    reconcile: () => {
      looks += 1
      if (looks === 1) {
        loop.trigger()
        loop.trigger()
      } else ending.abort()
      return Promise.resolve()
    },
    onError: () => undefined,
    onRecovered: () => undefined,
  })

  await loop.run(ending.signal)

  assert.equal(looks, 2)
})

test('it looks again when the interval is over', async () => {
  let looks = 0
  const ending = new AbortController()
  const loop = new ReconcileLoop({
    reconcile: () => {
      looks += 1
      if (looks === 3) ending.abort()
      return Promise.resolve()
    },
    onError: () => undefined,
    onRecovered: () => undefined,
    intervalMs: 1,
  })

  await loop.run(ending.signal)

  assert.equal(looks, 3)
})
