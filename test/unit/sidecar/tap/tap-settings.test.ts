import assert from 'node:assert/strict'
import test from 'node:test'
import { readTapSettings } from '../../../../sidecar/tap/tap-settings.ts'

test('without arguments everything of the sidecar’s interface is wanted', () => {
  assert.deepEqual(readTapSettings([], { INTERFACE: 'net1, net2', SENSOR_PORT: '4790' }), {
    interfaceName: 'net1',
    filter: '',
    sensorPort: 4790,
    count: undefined,
    seconds: undefined,
  })
  assert.equal(readTapSettings([], { INTERFACE: 'net2 net1' }).interfaceName, 'net2')
  assert.equal(readTapSettings([], {}).interfaceName, 'eth0')
})

test('arguments say what is wanted', () => {
  const args = ['--interface=lo', '--filter=tcp port 80', '--count=5', '--seconds=60']

  assert.deepEqual(readTapSettings(args, { INTERFACE: 'eth0' }), {
    interfaceName: 'lo',
    filter: 'tcp port 80',
    sensorPort: 4789,
    count: 5,
    seconds: 60,
  })
})

test('every bad value is named', () => {
  assert.throws(() => readTapSettings(['--count=0', '--seconds=x'], { SENSOR_PORT: '70000' }), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: --count: expected an integer 1…2000000, received "0"; ' +
      '--seconds: expected an integer 1…2000000, received "x"; ' +
      'SENSOR_PORT: expected an integer 1…65535, received "70000"',
  })
  assert.throws(() => readTapSettings(['--colour'], {}), {
    code: 'ERR_CONFIG',
    message: /--colour/,
  })
})
