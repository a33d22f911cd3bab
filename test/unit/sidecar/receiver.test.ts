import assert from 'node:assert/strict'
import test from 'node:test'
import { receiverOf } from '../../../sidecar/receiver.ts'
import type { Sensor } from '../../../sidecar/sensor/sensor-source.ts'

const HERE = { setting: 'auto', nodeName: 'node-1' } as const

test('a sensor on another node gets frames in runs', () => {
  assert.equal(receiverOf(sensor({ nodeName: 'node-2' }), HERE), 'remote')
})

test('a sensor on the same node is taken for a sniffer', () => {
  assert.equal(receiverOf(sensor({ nodeName: 'node-1' }), HERE), 'sniffer')
})

test('a sensor of which nothing is known is taken for a sniffer', () => {
  assert.equal(receiverOf(sensor({}), HERE), 'sniffer')
  assert.equal(
    receiverOf(sensor({ nodeName: 'node-2' }), { setting: 'auto', nodeName: undefined }),
    'sniffer',
  )
})

test('a sensor pod that declares a socket is believed', () => {
  assert.equal(receiverOf(sensor({ nodeName: 'node-1', declaresSocket: true }), HERE), 'socket')
})

test('a setting decides for every sensor', () => {
  const declared = sensor({ nodeName: 'node-2', declaresSocket: true })

  assert.equal(receiverOf(declared, { ...HERE, setting: 'sniffer' }), 'sniffer')
  assert.equal(receiverOf(sensor({}), { ...HERE, setting: 'remote' }), 'remote')
})

function sensor(fields: Partial<Sensor>): Sensor {
  return { name: 's', destination: { address: '192.0.2.1', family: 4, port: 4789 }, ...fields }
}
