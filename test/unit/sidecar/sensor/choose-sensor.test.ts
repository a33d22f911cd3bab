import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { chooseSensor } from '../../../../sidecar/sensor/choose-sensor.ts'
import type { Sensor } from '../../../../sidecar/sensor/sensor-source.ts'

function sensor(name: string, address: string, nodeName?: string): Sensor {
  const destination = { address, family: 4, port: 4789 } as const
  return { name, destination, ...(nodeName === undefined ? {} : { nodeName }) }
}

const SENSORS = Array.from({ length: 10 }, (_, n) =>
  sensor(`ndr/zeek-${n}`, `10.0.0.${n}`, `n${n}`),
)
const IDENTITIES = Array.from({ length: 2000 }, (_, n) => `app-${n}`)

function choices(sensors: readonly Sensor[]): (string | undefined)[] {
  return IDENTITIES.map((identity) => chooseSensor(sensors, { identity })?.name)
}

test('without sensors none is chosen', () => {
  assert.equal(chooseSensor([], { identity: 'app' }), undefined)
})

test('the sensor on the own node is chosen', () => {
  const chosen = SENSORS.map(({ nodeName }) => chooseSensor(SENSORS, { identity: 'app', nodeName }))

  assert.deepEqual(chosen, SENSORS)
})

test('a node without a sensor chooses among all', () => {
  const elsewhere = { identity: 'app', nodeName: 'n99' }

  assert.equal(chooseSensor(SENSORS, elsewhere), chooseSensor(SENSORS, { identity: 'app' }))
})

test('a sensor whose node is not known is not taken for a near one', () => {
  const near = sensor('ndr/near', '10.0.0.1', 'n1')

  const chosen = IDENTITIES.map((identity) => {
    return chooseSensor([sensor('ndr/far', '10.0.0.2'), near], { identity, nodeName: 'n1' })?.name
  })

  assert.deepEqual(new Set(chosen), new Set(['ndr/near']))
})

test('of sensors on other nodes those of the own zone share the sidecars', () => {
  const zoned = SENSORS.map((each, n) => ({ ...each, zone: n < 3 ? 'a' : 'b' }))

  const chosen = IDENTITIES.map((identity) => {
    return chooseSensor(zoned, { identity, nodeName: 'n99', zone: 'a' })?.name
  })

  assert.deepEqual(new Set(chosen), new Set(['ndr/zeek-0', 'ndr/zeek-1', 'ndr/zeek-2']))
})

test('the own node comes before the own zone', () => {
  const zoned = SENSORS.map((each, n) => ({ ...each, zone: n < 3 ? 'a' : 'b' }))

  const chosen = chooseSensor(zoned, { identity: 'app', nodeName: 'n7', zone: 'a' })

  assert.equal(chosen?.name, 'ndr/zeek-7')
})

test('a zone without a sensor chooses among all', () => {
  const zoned = SENSORS.map((each) => ({ ...each, zone: 'a' }))

  const chosen = chooseSensor(zoned, { identity: 'app', nodeName: 'n99', zone: 'c' })

  assert.deepEqual(chosen?.name, chooseSensor(SENSORS, { identity: 'app' })?.name)
})

test('the choice does not depend on the order of the sensors', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(SENSORS, { minLength: 1 }), fc.string(), (some, identity) => {
      const ordered = SENSORS.filter((each) => some.includes(each))
      return chooseSensor(some, { identity }) === chooseSensor(ordered, { identity })
    }),
  )
})

test('adding or removing one of n sensors moves about 1/n of the sidecars, to it or from it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), fc.uuid(), (n, prefix) => {
      const all = Array.from({ length: n }, (_, k) => sensor(`${prefix}/zeek-${k}`, `10.0.0.${k}`))
      const [newcomer] = all
      const [before, after] = [choices(all.slice(1)), choices(all)]

      const moved = after.filter((name, k) => name !== before[k])
      const share = moved.length / IDENTITIES.length

      // The standard deviation of the share is below 0.0112 for 2000 sidecars.
      assert.ok(Math.abs(share - 1 / n) < 0.06, `1/${n} expected, ${share} moved`)
      assert.ok(moved.every((name) => name === newcomer?.name))
    }),
    { numRuns: 25 },
  )
})

test('only the sidecars of a sensor that leaves move', () => {
  const before = choices(SENSORS)
  const after = choices(SENSORS.slice(1))

  const moved = before.filter((name, n) => name !== after[n])
  assert.deepEqual(new Set(moved), new Set(['ndr/zeek-0']))
  assert.ok(moved.length > 120 && moved.length < 280, `about a tenth of 2000: ${moved.length}`)
})

test('a sensor that comes back under its name with another address gets its sidecars back', () => {
  const [first, ...others] = SENSORS
  const back = [sensor(first!.name, '10.9.9.9', 'n0'), ...others]

  assert.deepEqual(choices(back), choices(SENSORS))
})

test('the addresses of one host name share the sidecars', () => {
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']
  const host = addresses.map((address) => sensor('sensors.example.org', address))

  const chosen = IDENTITIES.map((identity) => chooseSensor(host, { identity })!.destination.address)

  for (const address of addresses) {
    const share = chosen.filter((each) => each === address).length
    assert.ok(share > 400 && share < 600, `about a quarter of 2000 for ${address}: ${share}`)
  }
})
