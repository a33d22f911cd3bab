import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { DebugLog } from '../../../sidecar/debug-log.ts'
import { logStatistics } from '../../../sidecar/log-statistics.ts'
import { captureLog } from '../../helpers/captured-log.ts'
import { countersOf, MemoryEngine } from '../../helpers/memory-engine.ts'

test('from debug level 1 on statistics are written every ten seconds, until the end', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { log, lines } = captureLog()
  const debug = new DebugLog(log, () => undefined)
  const engine = new MemoryEngine()
  const ended = new AbortController()
  const passTenSeconds = async (): Promise<void> => {
    t.mock.timers.tick(10_000)
    await setImmediate()
  }

  logStatistics(engine, debug, ended.signal)
  await passTenSeconds()
  debug.setLevel(1)
  engine.counts = countersOf({ capturedFrames: 7, sentFrames: 4 }, { 'no-sensor': 3 })
  await passTenSeconds()
  engine.counts = countersOf({ capturedFrames: 9, sentFrames: 6 }, { 'no-sensor': 3 })
  await passTenSeconds()
  ended.abort()
  await passTenSeconds()

  assert.deepEqual(lines, [
    'info statistics {"debug":1,"captured":7,"sent":4,"dropped":{"no-sensor":3},"capturedSince":7}',
    'info statistics {"debug":1,"captured":9,"sent":6,"dropped":{"no-sensor":3},"capturedSince":2}',
  ])
})
