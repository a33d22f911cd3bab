import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { SendingWatch, watchSending } from '../../../sidecar/watch-sending.ts'
import type { Look } from '../../../sidecar/sensor/refusals.ts'
import { countersOf, MemoryEngine } from '../../helpers/memory-engine.ts'

interface Watched {
  readonly watch: SendingWatch
  /** What was seen of the only destination. */
  readonly looks: readonly (Look | undefined)[]
  clock: number
}

function watched(): Watched {
  const looks: (Look | undefined)[] = []
  const made = { looks, clock: 0 }
  const watch = new SendingWatch(
    (seen) => looks.push(seen.get('10.0.0.1')),
    () => made.clock,
  )
  return Object.assign(made, { watch })
}

function sent(frames: number, refused = 0, unreachable = 0): ReturnType<typeof countersOf> {
  const destination = { address: '10.0.0.1', sentFrames: frames, refused, unreachable, pathMtu: 0 }
  const counts = { capturedFrames: frames, sentFrames: frames, destinations: [destination] }
  return countersOf(counts, { 'no-sensor': 999 })
}

test('a look is what became of the frames since the one before', () => {
  const { watch, looks } = watched()

  watch.look(sent(80))
  watch.look(sent(100, 5, 1))
  watch.look(sent(130, 7, 1))
  watch.look(sent(130, 7, 1))
  watch.look(sent(130, 7, 4))

  assert.deepEqual(looks, [
    { sent: 30, refused: 2, unreachable: 0 },
    { sent: 0, refused: 0, unreachable: 3 },
  ])
})

test('the first 16 frames for another destination are not judged', () => {
  const { watch, looks } = watched()

  watch.look(sent(100, 40))
  watch.look(sent(110, 42))
  watch.look(sent(115, 44))
  watch.look(sent(125, 44))
  watch.look(countersOf({}))
  watch.look(sent(5, 5))
  watch.look(sent(15, 15))

  assert.deepEqual(looks, [{ sent: 10, refused: 0, unreachable: 0 }])
})

test('the time of the last sent frame stands still while none is sent', () => {
  const seen = watched()
  assert.equal(seen.watch.lastSentAt, undefined)

  seen.clock = 1000
  seen.watch.look(sent(1))
  seen.clock = 2000
  seen.watch.look(sent(1, 7))

  assert.equal(seen.watch.lastSentAt, 1000)
})

test('an engine is looked at twenty times a second while frames pass, until it is stopped', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const abort = new AbortController()
  const engine = new MemoryEngine()
  const { watch, looks } = watched()

  watchSending(engine, watch, abort.signal)
  for (const frames of [1, 30, 32, 35]) {
    engine.counts = sent(frames)
    t.mock.timers.tick(50)
    await new Promise(setImmediate)
  }
  abort.abort()
  engine.counts = sent(10)
  t.mock.timers.tick(50)
  await new Promise(setImmediate)

  assert.deepEqual(
    looks.map((look) => look?.sent),
    [2, 3],
  )
})

test('an engine without frames is looked at four times a second', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const abort = new AbortController()
  let asked = 0
  const engine = {
    counters: () => {
      asked += 1
      return Promise.resolve(sent(0))
    },
  }

  watchSending(engine, watched().watch, abort.signal)
  for (let tick = 0; tick < 21; tick++) {
    t.mock.timers.tick(50)
    await new Promise(setImmediate)
  }

  assert.equal(asked, 5)
  abort.abort()
})

test('an engine that does not answer is not asked again', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const abort = new AbortController()
  const answer = Promise.withResolvers<ReturnType<typeof sent>>()
  let asked = 0
  const engine = {
    counters: () => {
      asked += 1
      return answer.promise
    },
  }

  watchSending(engine, watched().watch, abort.signal)
  t.mock.timers.tick(1000)
  assert.equal(asked, 1)
  answer.resolve(sent(1))
  await new Promise(setImmediate)
  t.mock.timers.tick(50)

  assert.equal(asked, 2)
  abort.abort()
})
