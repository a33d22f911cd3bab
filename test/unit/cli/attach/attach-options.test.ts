import assert from 'node:assert/strict'
import test from 'node:test'
import { readSidecarOptions } from '../../../../cli/attach/attach-options.ts'

test('options mean what the annotations of their names mean', () => {
  const options = {
    sensor: 'ndr/zeek',
    vni: '0x2a',
    filter: 'tcp port 80',
    interface: 'net1',
    image: 'registry.example/sidecar:1',
  }

  assert.deepEqual(readSidecarOptions(options), {
    image: 'registry.example/sidecar:1',
    sensor: 'zeek',
    sensorNamespace: 'ndr',
    vni: 42,
    filter: 'tcp port 80',
    interfaceName: 'net1',
  })
  assert.deepEqual(readSidecarOptions({}), {})
})

test('one error names every bad option', () => {
  const options = { sensor: '10.0.0.256', vni: '16777216', interface: '../eth0' }

  assert.throws(() => readSidecarOptions(options), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: ' +
      '--sensor: expected a sensor as name or namespace/name, received "10.0.0.256"; ' +
      '--vni: expected an integer 0…16777215 or 0x0…0xffffff, received "16777216"; ' +
      '--interface: expected an interface name of 1…15 characters, received "../eth0"',
  })
})
