import assert from 'node:assert/strict'
import test from 'node:test'
import { plainEnvironment, VENDOR_NAMES } from '../../../sidecar/vendor-names.ts'

test('an environment without the vendor’s names stays as it is', () => {
  const { env, isVendors, problems } = plainEnvironment({ SENSOR: 'zeek', VSENSOR_HOSTNAME: '' })

  assert.deepEqual(env, { SENSOR: 'zeek', VSENSOR_HOSTNAME: '' })
  assert.deepEqual([isVendors, problems], [false, []])
})

test('every name of the vendor’s sets the variable that it stands for', () => {
  for (const { vendor, variable } of VENDOR_NAMES) {
    const { env, isVendors, nameOf, problems } = plainEnvironment({ [vendor]: '7' })

    assert.equal(env[variable], variable === 'SENSOR' ? 'host:7' : '7', vendor)
    assert.deepEqual([isVendors, nameOf(variable), problems], [true, vendor, []])
  }
})

test('a sensor is a host, with or without a dot, or an address', () => {
  const sensorOf = (raw: string): string | undefined =>
    plainEnvironment({ VSENSOR_HOSTNAME: raw }).env['SENSOR']

  assert.equal(sensorOf('vsensor'), 'host:vsensor')
  assert.equal(sensorOf('vsensor.example.org'), 'host:vsensor.example.org')
  assert.equal(sensorOf('192.0.2.1'), '192.0.2.1')
  assert.equal(sensorOf('2001:db8::1'), '2001:db8::1')
})

test('a port in the sensor’s name is a problem', () => {
  assert.deepEqual(plainEnvironment({ VSENSOR_HOSTNAME: 'vsensor:443' }).problems, [
    'VSENSOR_HOSTNAME: expected an IP address or a host name without a port (which is VSENSOR_PORT), received "vsensor:443"',
  ])
})

test('two names with the same value are fine, with different ones a problem', () => {
  const same = {
    SENSOR_PORT: '4790',
    VSENSOR_PORT: '4790',
    SENSOR: 'host:x',
    VSENSOR_HOSTNAME: 'x',
  }

  assert.deepEqual(plainEnvironment(same).problems, [])
  assert.deepEqual(plainEnvironment({ ...same, VSENSOR_PORT: '443' }).problems, [
    'VSENSOR_PORT: expected the value of SENSOR_PORT, "4790", or only one of both, received "443"',
  ])
  const lists = { NETWORK_DEVICE_INCLUDELIST: '^eth', NETWORK_DEVICE_WHITELIST: '^en' }
  assert.deepEqual(plainEnvironment(lists).problems, [
    'NETWORK_DEVICE_WHITELIST: expected the value of NETWORK_DEVICE_INCLUDELIST, "^eth", or only one of both, received "^en"',
  ])
})

test('the vendor’s defaults give way to what is said', () => {
  assert.equal(plainEnvironment({ VSENSOR_HOSTNAME: 'x' }).env['DEBUG_LEVEL'], '1')
  assert.equal(plainEnvironment({ OSSENSOR_DEBUG: '0' }).env['DEBUG_LEVEL'], '0')
  assert.equal(plainEnvironment({ MODE: 'sidecar', OSSENSOR_DEBUG: '0' }).env['MODE'], 'sidecar')
})
