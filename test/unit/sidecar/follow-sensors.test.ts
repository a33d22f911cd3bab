import assert from 'node:assert/strict'
import test from 'node:test'
import type { Spread } from '../../../sidecar/contract.ts'
import type { Destination } from '../../../sidecar/engine/engine.ts'
import { SensorFollower } from '../../../sidecar/follow-sensors.ts'
import type { Look } from '../../../sidecar/sensor/refusals.ts'
import type { Sensor } from '../../../sidecar/sensor/sensor-source.ts'
import { captureLog } from '../../helpers/captured-log.ts'

const NEAR: Sensor = {
  name: 'ndr/near',
  nodeName: 'node-1',
  destination: { address: '10.0.1.1', family: 4, port: 4789 },
}
const FAR: Sensor = {
  name: 'ndr/far',
  nodeName: 'node-2',
  destination: { address: '10.0.2.1', family: 4, port: 4789 },
}

/** The sensor on the same node may be a sniffer; on the other node that makes no difference. */
const TO_NEAR = { ...NEAR.destination, receiver: 'sniffer' }
const TO_FAR = { ...FAR.destination, receiver: 'remote' }

const ACCEPTED = { sent: 10, refused: 0, unreachable: 0 }
const REFUSED = { sent: 9, refused: 1, unreachable: 0 }

/** Whatever the destination is. */
function atAny(look: Look): ReadonlyMap<string, Look> {
  return new Map([NEAR, FAR].map(({ destination }) => [destination.address, look]))
}

interface Followed {
  readonly follower: SensorFollower
  readonly lines: readonly string[]
  readonly destinations: readonly (readonly Destination[])[]
  /** Milliseconds since the follower was made. */
  clock: number
}

function follow(spread: Spread = 'pod'): Followed {
  const { log, lines } = captureLog()
  const destinations: (readonly Destination[])[] = []
  const followed = { lines, destinations, clock: 0 }
  const follower = new SensorFollower({
    chooser: { identity: 'app-1', nodeName: 'node-1' },
    receiver: 'auto',
    log,
    spread,
    setDestinations: (chosen) => destinations.push(chosen),
    now: () => followed.clock,
  })
  return Object.assign(followed, { follower })
}

test('the first sensor becomes the destination', () => {
  const followed = follow()

  followed.clock = 120.4
  followed.follower.onSensors([NEAR])

  assert.deepEqual(followed.destinations, [[TO_NEAR]])
  assert.deepEqual(followed.lines, [
    'info sensor found {"sensor":"ndr/near","address":"10.0.1.1","port":4789,"node":"node-1",' +
      '"sensors":1,"waitedMs":120}',
  ])
})

test('a nearer sensor is changed to, and a change that does not concern the choice is not', () => {
  const { follower, destinations, lines } = follow()

  follower.onSensors([FAR])
  follower.onSensors([FAR, NEAR])
  follower.onSensors([NEAR])

  assert.deepEqual(destinations, [[TO_FAR], [TO_NEAR]])
  assert.equal(
    lines[1],
    'info sensor changed {"sensor":"ndr/near","address":"10.0.1.1","port":4789,"node":"node-1",' +
      '"sensors":2,"previous":"ndr/far"}',
  )
  assert.equal(lines.length, 2)
  assert.equal(follower.sensorCount, 1)
})

test('a sensor that keeps its name and gets another address is changed to', () => {
  const { follower, destinations } = follow()
  const moved = { ...NEAR, destination: { ...NEAR.destination, address: '10.0.1.2' } }

  follower.onSensors([NEAR])
  follower.onSensors([moved])

  assert.deepEqual(destinations, [[TO_NEAR], [{ ...TO_NEAR, address: '10.0.1.2' }]])
})

test('having no sensor is logged once, and its end with the time it took', () => {
  const followed = follow()
  const { follower, destinations, lines } = followed

  follower.onSensors([NEAR])
  followed.clock = 1000
  follower.onSensors([])
  follower.onSensors([])
  followed.clock = 4500
  follower.onSensors([NEAR])

  assert.deepEqual(destinations, [[TO_NEAR], [], [TO_NEAR]])
  assert.deepEqual(lines.slice(1), [
    'warn no sensor: frames are dropped and counted {"previous":"ndr/near"}',
    'info sensor found {"sensor":"ndr/near","address":"10.0.1.1","port":4789,"node":"node-1",' +
      '"sensors":1,"waitedMs":3500}',
  ])
})

test('no sensor from the beginning is logged once, and the wait counts from the beginning', () => {
  const followed = follow()

  followed.clock = 50
  followed.follower.onSensors([])
  followed.clock = 900
  followed.follower.onSensors([NEAR])

  assert.deepEqual(followed.lines, [
    'warn no sensor: frames are dropped and counted {}',
    'info sensor found {"sensor":"ndr/near","address":"10.0.1.1","port":4789,"node":"node-1",' +
      '"sensors":1,"waitedMs":900}',
  ])
})

test('failed searches are counted, one warning is logged, and they leave the destination as it is', () => {
  const followed = follow()
  const { follower, destinations, lines } = followed

  follower.onSensors([NEAR])
  follower.onError(Object.assign(new Error('forbidden'), { code: 'ERR_KUBE_REQUEST' }))
  follower.onError(Object.assign(new Error('no answer'), { code: 'ERR_KUBE_REQUEST' }))
  followed.clock = 7000
  follower.onRecovered()
  follower.onError(new Error('reset'))

  assert.equal(follower.discoveryErrors, 3)
  assert.deepEqual(destinations, [[TO_NEAR]])
  assert.deepEqual(lines.slice(1), [
    'warn looking for sensors fails {"code":"ERR_KUBE_REQUEST","reason":"forbidden"}',
    'debug looking for sensors fails {"code":"ERR_KUBE_REQUEST","reason":"no answer"}',
    'info looking for sensors works again {"failedMs":7000}',
    'warn looking for sensors fails {"reason":"reset"}',
  ])
})

test('a failure of another kind is logged too, and the whole time counts', () => {
  const followed = follow()
  const { follower, lines } = followed

  follower.onError(Object.assign(new Error('no answer'), { code: 'ERR_KUBE_REQUEST' }))
  followed.clock = 400
  follower.onError(Object.assign(new Error('refused'), { code: 'ERR_KUBE_AUTH' }))
  follower.onError(Object.assign(new Error('refused'), { code: 'ERR_KUBE_AUTH' }))
  followed.clock = 500
  follower.onRecovered()

  assert.deepEqual(lines, [
    'warn looking for sensors fails {"code":"ERR_KUBE_REQUEST","reason":"no answer"}',
    'warn looking for sensors fails {"code":"ERR_KUBE_AUTH","reason":"refused"}',
    'debug looking for sensors fails {"code":"ERR_KUBE_AUTH","reason":"refused"}',
    'info looking for sensors works again {"failedMs":500}',
  ])
})

test('a sensor that refuses is left at once and returned to when it has had its time', () => {
  const followed = follow()
  const { follower, destinations, lines } = followed
  follower.onSensors([FAR, NEAR])

  follower.onLooks(atAny(REFUSED))
  followed.clock = 4999
  follower.onLooks(atAny(ACCEPTED))
  assert.deepEqual(destinations, [[TO_NEAR], [TO_FAR]])
  followed.clock = 5000
  follower.onLooks(atAny(ACCEPTED))

  assert.deepEqual(destinations, [[TO_NEAR], [TO_FAR], [TO_NEAR]])
  assert.equal(
    lines[1],
    'warn sensor refuses frames: its port is closed, or it sniffs ' +
      '{"sensor":"ndr/near","address":"10.0.1.1","port":4789,"node":"node-1","times":1}',
  )
})

test('a single sensor that refuses is stayed with, and that is said once', () => {
  const followed = follow()
  const { follower, destinations, lines } = followed
  follower.onSensors([NEAR])

  for (let look = 0; look < 1000; look += 1) {
    followed.clock += 250
    follower.onLooks(atAny(REFUSED))
  }

  assert.deepEqual(destinations, [[TO_NEAR]])
  assert.deepEqual(
    lines.filter((line) => line.startsWith('warn')),
    [
      'warn sensor refuses frames: its port is closed, or it sniffs ' +
        '{"sensor":"ndr/near","address":"10.0.1.1","port":4789,"node":"node-1","times":1}',
    ],
  )
})

test('a sensor that cannot be reached is left at once', () => {
  const { follower, destinations, lines } = follow()
  follower.onSensors([FAR, NEAR])

  follower.onLooks(atAny({ sent: 0, refused: 0, unreachable: 4 }))

  assert.deepEqual(destinations, [[TO_NEAR], [TO_FAR]])
  assert.match(lines[1] ?? '', /^warn sensor cannot be reached /)
})

test('with SPREAD=flow all sensors are destinations, wherever they are', () => {
  const { follower, destinations, lines } = follow('flow')

  follower.onSensors([FAR, NEAR])
  follower.onSensors([NEAR])

  assert.deepEqual(destinations, [[TO_FAR, TO_NEAR], [TO_NEAR]])
  assert.deepEqual(lines, [
    'info sensor found {"sensor":"ndr/far, ndr/near","port":4789,"sensors":2,"waitedMs":0}',
    'info sensor changed {"sensor":"ndr/near","address":"10.0.1.1","port":4789,"node":"node-1",' +
      '"sensors":1,"previous":"ndr/far, ndr/near"}',
  ])
})

test('with SPREAD=flow the sensor that refuses is left, and the others are stayed with', () => {
  const { follower, destinations } = follow('flow')
  follower.onSensors([FAR, NEAR])

  follower.onLooks(new Map([[NEAR.destination.address, REFUSED]]))

  assert.deepEqual(destinations, [[TO_FAR, TO_NEAR], [TO_FAR]])
})
