import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ReceiverSetting } from '../../../../sidecar/contract.ts'
import { chooseSensor } from '../../../../sidecar/sensor/choose-sensor.ts'
import { Refusals, type Look } from '../../../../sidecar/sensor/refusals.ts'
import type { Sensor } from '../../../../sidecar/sensor/sensor-source.ts'

/** What a sensor does with frames; a sniffer refuses all and reads them nevertheless. */
type Nature = 'socket' | 'dead' | 'sniffer' | 'unreachable'

const LOOK_MS = 250
const LOOKS: Readonly<Record<Nature, Look>> = {
  socket: { sent: 10, refused: 0, unreachable: 0 },
  dead: { sent: 9, refused: 1, unreachable: 0 },
  sniffer: { sent: 9, refused: 1, unreachable: 0 },
  unreachable: { sent: 0, refused: 0, unreachable: 10 },
}

function sensor(name: string, declaresSocket = false): Sensor {
  const destination = { address: `10.0.0.${name}`, family: 4, port: 4789 } as const
  return { name, destination, ...(declaresSocket ? { declaresSocket } : {}) }
}

/** A sidecar among sensors whose nature can change, and a clock. */
class Trial {
  readonly #refusals: Refusals
  readonly natures: Map<Sensor, Nature>
  now = 0

  constructor(natures: ReadonlyMap<Sensor, Nature>, setting: ReceiverSetting = 'auto') {
    this.natures = new Map(natures)
    this.#refusals = new Refusals(setting)
  }

  /** Sends for `seconds`; returns who was sent to, each change once. */
  run(seconds: number): string[] {
    const visited: string[] = []
    for (const end = this.now + seconds * 1000; this.now < end; this.now += LOOK_MS) {
      const chosen = this.chosen()
      if (visited.at(-1) !== chosen.name) visited.push(chosen.name)
      this.#refusals.note(chosen, LOOKS[this.natures.get(chosen)!], this.now)
    }
    return visited
  }

  chosen(): Sensor {
    const sensors = [...this.natures.keys()]
    return chooseSensor(this.#refusals.among(sensors, this.now), { identity: 'app' })!
  }
}

/** Sensors in the order in which `app` prefers them. */
const [FIRST, SECOND, THIRD] = preferred([sensor('1'), sensor('2'), sensor('3')]) as [
  Sensor,
  Sensor,
  Sensor,
]

function preferred(sensors: readonly Sensor[]): Sensor[] {
  const chosen = chooseSensor(sensors, { identity: 'app' })
  if (chosen === undefined) return []
  return [chosen, ...preferred(sensors.filter((each) => each !== chosen))]
}

function trial(natures: readonly Nature[], setting?: ReceiverSetting): Trial {
  const sensors = [FIRST, SECOND, THIRD]
  return new Trial(new Map(natures.map((nature, n) => [sensors[n]!, nature])), setting)
}

test('a sensor that accepts is stayed with', () => {
  assert.deepEqual(trial(['socket', 'socket']).run(60), [FIRST.name])
})

test('a sensor that begins to refuse is left at once for the next', () => {
  const running = trial(['socket', 'socket'])
  running.run(20)

  running.natures.set(FIRST, 'dead')

  assert.deepEqual(running.run(1), [FIRST.name, SECOND.name])
})

test('a sensor that refuses from its first frame on is left for one that accepts', () => {
  assert.deepEqual(trial(['dead', 'socket']).run(4), [FIRST.name, SECOND.name])
})

test('a sensor that refused is tried again after 5, 10, 20 … at most 300 seconds', () => {
  const running = trial(['dead', 'socket'])
  const tried: number[] = []
  for (let last: string | undefined; running.now < 1_300_000;) {
    const [name] = running.run(LOOK_MS / 1000)
    if (name === FIRST.name && last !== name) tried.push((running.now - LOOK_MS) / 1000)
    last = name
  }

  assert.deepEqual(tried, [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215])
})

test('a sensor that came back is returned to, and its refusals are forgotten', () => {
  const running = trial(['dead', 'socket'])
  running.run(30)
  running.natures.set(FIRST, 'socket')
  assert.deepEqual(running.run(30), [SECOND.name, FIRST.name])

  running.natures.set(FIRST, 'dead')

  // Left at once, and tried again after 5 s, as if for the first time.
  assert.deepEqual(running.run(6), [FIRST.name, SECOND.name, FIRST.name, SECOND.name])
})

test('many looks in a short time do not make a socket of a sensor', () => {
  const refusals = new Refusals('auto')
  const accepted = { sent: 1, refused: 0, unreachable: 0 }
  refusals.note(FIRST, LOOKS.dead, 0)
  for (let look = 0; look < 199; look += 1) refusals.note(FIRST, accepted, 10 + look * 50)
  assert.deepEqual(refusals.among([FIRST, SECOND], 4999), [SECOND])

  refusals.note(FIRST, accepted, 10_010)
  assert.equal(refusals.note(FIRST, LOOKS.dead, 10_020), 1)
})

test('a single sensor is stayed with, whatever it answers', () => {
  for (const nature of ['sniffer', 'dead', 'unreachable'] as const)
    assert.deepEqual(trial([nature]).run(60), [FIRST.name], nature)
})

test('of several sniffers one other is tried once, then the preferred one is stayed with', () => {
  const running = trial(['sniffer', 'sniffer', 'sniffer'])

  assert.deepEqual(running.run(5), [FIRST.name, SECOND.name, FIRST.name])
  assert.deepEqual(running.run(3600), [FIRST.name])
})

test('a sniffer that joins others is not tried', () => {
  const running = trial(['sniffer', 'sniffer'])
  running.run(5)

  running.natures.set(THIRD, 'sniffer')

  assert.deepEqual(running.run(3600), [FIRST.name])
})

test('RECEIVER=sniffer takes no refusal seriously', () => {
  assert.deepEqual(trial(['sniffer', 'socket'], 'sniffer').run(60), [FIRST.name])
})

test('RECEIVER=socket keeps trying all sensors when all refuse, and finds the one that comes back', () => {
  const running = trial(['dead', 'dead', 'dead'], 'socket')
  assert.deepEqual(new Set(running.run(60)), new Set([FIRST.name, SECOND.name, THIRD.name]))

  running.natures.set(THIRD, 'socket')

  assert.equal(running.run(120).at(-1), THIRD.name)
})

test('sensors that have accepted are not taken for sniffers when they all refuse', () => {
  const running = trial(['socket', 'socket'])
  running.run(20)
  running.natures.set(FIRST, 'dead').set(SECOND, 'dead')
  running.run(20)

  running.natures.set(SECOND, 'socket')

  assert.equal(running.run(60).at(-1), SECOND.name)
})

test('a sensor that declares a socket is not taken for a sniffer', () => {
  const [first, second] = preferred([sensor('1', true), sensor('2', true)])
  const running = new Trial(
    new Map([
      [first!, 'dead'],
      [second!, 'dead'],
    ]),
  )
  running.run(20)

  running.natures.set(second!, 'socket')

  assert.equal(running.run(60).at(-1), second!.name)
})

test('a sensor that cannot be reached is left at once, also among sniffers', () => {
  assert.deepEqual(trial(['unreachable', 'sniffer']).run(0.5), [FIRST.name, SECOND.name])
})

test('what is known of a sensor is forgotten when it goes', () => {
  const refusals = new Refusals('auto')
  refusals.note(FIRST, LOOKS.dead, 0)
  assert.deepEqual(refusals.among([FIRST, SECOND], 1), [SECOND])
  assert.equal(refusals.nextChange(1), 5000)

  refusals.keep([SECOND])

  assert.equal(refusals.nextChange(1), Infinity)
  assert.deepEqual(refusals.among([FIRST, SECOND], 1), [FIRST, SECOND])
})

test('whatever happened, there is a sensor, and one that accepts is found and stayed with', () => {
  const natures = fc.array(fc.constantFrom<Nature>('socket', 'dead', 'unreachable'), {
    minLength: 3,
    maxLength: 3,
  })
  fc.assert(
    fc.property(fc.array(natures, { maxLength: 6 }), fc.nat(2), (history, survivor) => {
      const running = trial(['dead', 'dead', 'dead'], 'socket')
      for (const each of history) {
        each.forEach((nature, n) => running.natures.set([FIRST, SECOND, THIRD][n]!, nature))
        running.run(7)
      }
      for (const each of [FIRST, SECOND, THIRD]) running.natures.set(each, 'dead')
      const accepting = [FIRST, SECOND, THIRD][survivor]!
      running.natures.set(accepting, 'socket')
      running.run(700)

      // Another is tried now and then, and left at once.
      assert.ok(running.run(1).includes(accepting.name))
    }),
  )
})
