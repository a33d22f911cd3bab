import assert from 'node:assert/strict'
import test from 'node:test'
import { AppError } from '../../../lib/errors.ts'
import { whenAborted } from '../../../lib/when-aborted.ts'
import { engineEvents, runUntil, startMirror, type MirrorParts } from '../../../sidecar/mirror.ts'
import { fixedSensor } from '../../../sidecar/sensor/fixed-sensor.ts'
import type { SensorSource } from '../../../sidecar/sensor/sensor-source.ts'
import { captureLog } from '../../helpers/captured-log.ts'
import { countersOf, MemoryEngine } from '../../helpers/memory-engine.ts'
import { until } from '../../helpers/until.ts'

const LIMIT = { timeout: 5000 }
const SENSOR = { address: '10.0.0.1', family: 4, port: 4789 } as const

function parts(engine: MemoryEngine, patient = false): MirrorParts & { lines: readonly string[] } {
  const { log, lines } = captureLog()
  const source = fixedSensor(SENSOR)
  const chooser = { identity: 'app-1' }
  return { engine, source, chooser, receiver: 'socket', spread: 'pod', log, patient, lines }
}

test('what the source finds is where the engine sends', async () => {
  const engine = new MemoryEngine()

  const mirror = startMirror(parts(engine))
  await mirror.started

  assert.deepEqual(engine.destinations, [[{ ...SENSOR, receiver: 'socket' }]])
  assert.equal(engine.state, 'capturing')
  assert.equal(mirror.sensors.chosen[0]?.name, '10.0.0.1')
  await mirror.stop()
})

test('a sensor that refuses what the engine sends is left within a second', async () => {
  const engine = new MemoryEngine()
  const sensors = ['10.0.0.1', '10.0.0.2'].map((address) => {
    return { name: address, destination: { ...SENSOR, address } }
  })
  const source: SensorSource = {
    run: (listener, signal) => {
      listener.onSensors(sensors)
      return whenAborted(signal)
    },
  }
  const began = performance.now()
  const mirror = startMirror({ ...parts(engine), source })
  await mirror.started
  const first = mirror.sensors.chosen[0]?.name

  await until(
    () => 'another sensor',
    () => {
      const { sentFrames, destinations } = engine.counts
      const refused = (destinations[0]?.refused ?? 0) + 1
      const counted = { sentFrames: sentFrames + 20, refused, unreachable: 0, pathMtu: 0 }
      engine.counts = countersOf({
        sentFrames: sentFrames + 20,
        destinations: [{ address: first ?? '', ...counted }],
      })
      return mirror.sensors.chosen[0]?.name !== first
    },
  )

  assert.ok(performance.now() - began < 1000)
  assert.equal(engine.destinations.length, 2)
  assert.ok(mirror.sending.lastSentAt! <= Date.now())
  await mirror.stop()
})

test('a stopped mirror has stopped its engine and returns the last counts', async () => {
  const engine = new MemoryEngine()
  engine.counts = countersOf({ capturedFrames: 7, sentFrames: 5 }, { 'no-sensor': 2 })

  const mirror = startMirror(parts(engine))
  await mirror.started
  const counters = await mirror.stop()

  assert.deepEqual(counters, engine.counts)
  assert.deepEqual([engine.state, engine.stops], ['stopped', 1])
})

test('an engine that cannot start fails the mirror unless it is patient', async () => {
  const engine = new MemoryEngine()
  const failure = new AppError('ERR_CAPTURE', 'CAP_NET_RAW is missing')
  engine.startErrors.push(failure)

  const mirror = startMirror(parts(engine))

  await assert.rejects(mirror.started, failure)
  await mirror.stop()
})

test(
  'a patient mirror says why its engine cannot start, and can be ended meanwhile',
  LIMIT,
  async () => {
    const engine = new MemoryEngine()
    engine.startErrors.push(new AppError('ERR_CAPTURE', 'CAP_NET_RAW is missing'))
    const made = parts(engine, true)
    const abort = new AbortController()

    const running = runUntil(startMirror(made), abort.signal)
    await new Promise(setImmediate)
    abort.abort()

    assert.deepEqual(await running, engine.counts)
    assert.deepEqual(
      made.lines.filter((line) => line.startsWith('error')),
      [
        'error engine cannot start, trying again ' +
          '{"code":"ERR_CAPTURE","reason":"CAP_NET_RAW is missing"}',
      ],
    )
    assert.deepEqual([engine.starts, engine.stops], [1, 1])
  },
)

test('a mirror that runs until a signal is stopped by it', LIMIT, async () => {
  const engine = new MemoryEngine()
  const mirror = startMirror(parts(engine))
  const abort = new AbortController()

  const running = runUntil(mirror, abort.signal)
  await mirror.started
  assert.equal(engine.stops, 0)
  abort.abort()

  assert.deepEqual(await running, engine.counts)
  assert.equal(engine.stops, 1)
})

test('a mirror whose engine fails is stopped before the failure is passed on', LIMIT, async () => {
  const engine = new MemoryEngine()
  const failure = new AppError('ERR_CAPTURE', 'CAP_NET_RAW is missing')
  engine.startErrors.push(failure)

  await assert.rejects(runUntil(startMirror(parts(engine)), new AbortController().signal), failure)
  assert.equal(engine.stops, 1)
})

test('changes of the engine are logged with the reason', () => {
  const { log, lines } = captureLog()
  const events = engineEvents(log, { write: () => undefined })

  events.onStateChange('waiting', 'interface eth0 is down')
  events.onStateChange('capturing', 'interface eth0 is up')

  assert.deepEqual(lines, [
    'warn engine state changed {"state":"waiting","reason":"interface eth0 is down"}',
    'info engine state changed {"state":"capturing","reason":"interface eth0 is up"}',
  ])
})

test('a mirror with a time limit is stopped by it, or by a signal before', LIMIT, async () => {
  const limited = new MemoryEngine()
  const interrupted = new MemoryEngine()

  await runUntil(startMirror(parts(limited)), new AbortController().signal, 20)
  await runUntil(startMirror(parts(interrupted)), AbortSignal.abort(), 60_000)

  assert.deepEqual([limited.state, interrupted.state], ['stopped', 'stopped'])
})
