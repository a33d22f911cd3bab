import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import test from 'node:test'
import { readMirrorFile, readMirrorOptions } from '../../../../cli/mirror/read-mirror-settings.ts'
import { DEFAULT_ENGINE, ENGINES } from '../../../../sidecar/contract.ts'

const NO_HOST = {
  mode: 'sidecar',
  missingInterface: 'wait',
  dedupLocal: false,
  excludeMirrored: false,
  debugLevel: 0,
  configFile: undefined,
  configPath: undefined,
}

/** Writes a configuration file; returns its path. */
function write(variables: object): string {
  const path = join(mkdtempSync(join(tmpdir(), 'podtap-mirror-')), 'podtap.json')
  writeFileSync(path, JSON.stringify(variables))
  return path
}

const LEAST = { interface: 'eth0', sensor: '192.0.2.30' }

test('interface and sensor are enough', async () => {
  assert.deepEqual((await readMirrorOptions(LEAST)).config, {
    sensor: { kind: 'address', address: '192.0.2.30', family: 4 },
    sensorPort: 4789,
    vni: 1,
    interfaceName: 'eth0',
    interfaces: undefined,
    filter: '',
    engine: DEFAULT_ENGINE,
    receiver: 'auto',
    fit: 'split',
    spread: 'pod',
    metricsPort: 0,
    metricsAddress: undefined,
    logLevel: 'info',
    nodeName: undefined,
    zone: undefined,
    durationMs: undefined,
    host: NO_HOST,
  })
})

test('every option is used', async () => {
  const options = {
    interface: 'lo',
    sensor: '[2001:db8::30]',
    port: '8472',
    vni: '0x2a',
    filter: 'udp',
    engine: 'cap',
    receiver: 'socket',
    fit: 'off',
    spread: 'pod',
    metricsPort: '9100',
    logLevel: 'debug',
  }

  assert.deepEqual((await readMirrorOptions(options)).config, {
    sensor: { kind: 'address', address: '2001:db8::30', family: 6 },
    sensorPort: 8472,
    vni: 42,
    interfaceName: 'lo',
    interfaces: undefined,
    filter: 'udp',
    engine: 'cap',
    receiver: 'socket',
    fit: 'off',
    spread: 'pod',
    metricsPort: 9100,
    metricsAddress: undefined,
    logLevel: 'debug',
    nodeName: undefined,
    zone: undefined,
    durationMs: undefined,
    host: NO_HOST,
  })
})

test('a sensor with and without a dot is a host', async () => {
  for (const host of ['localhost', 'sensor.example.org']) {
    const { config } = await readMirrorOptions({ ...LEAST, sensor: host })

    assert.deepEqual(config.sensor, { kind: 'host', host })
  }
})

test('an interface and a sensor must be named where there is no file', async () => {
  await assert.rejects(readMirrorOptions({}), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: --interface: expected the name of an interface, received nothing; ' +
      '--sensor: expected an IP address or a host name, received nothing',
  })
})

test('pods cannot be looked for from the command line', async () => {
  await assert.rejects(readMirrorOptions({ ...LEAST, sensor: 'pod:zeek' }), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: --sensor: expected an IP address or a host name, received "pod:zeek"',
  })
})

test('one error names every bad option', async () => {
  const options = { ...LEAST, sensor: '10.0.0.256', port: '0', vni: '-1', engine: 'xdp' }

  await assert.rejects(readMirrorOptions(options), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: ' +
      '--sensor: expected a label value, an IP address or a host name, received "10.0.0.256"; ' +
      '--port: expected an integer 1…65535, received "0"; ' +
      '--vni: expected an integer 0…16777215 or 0x0…0xffffff, received "-1"; ' +
      `--engine: expected one of ${ENGINES.join(', ')}, received "xdp"`,
  })
})

test('a file is a configuration; the environment wins over it, and options over both', async () => {
  const config = write({
    SENSOR: '192.0.2.1',
    INTERFACE_INCLUDE: '^eth',
    VNI: 7,
    SENSOR_PORT: 1,
    FIT: 'off',
  })

  const read = await readMirrorFile({ config, vni: '9' }, { VNI: '8', SENSOR_PORT: '2' })

  const { vni, sensorPort, fit, sensor, interfaces } = read.config
  assert.deepEqual([vni, sensorPort, fit], [9, 2, 'off'])
  assert.deepEqual(sensor, { kind: 'address', address: '192.0.2.1', family: 4 })
  assert.deepEqual(interfaces?.include, ['^eth'])
  assert.deepEqual(read.overridden, ['VNI', 'SENSOR_PORT'])
})

test('a file is found from where the command is run', async () => {
  const config = relative(process.cwd(), write({ SENSOR: '192.0.2.1' }))

  const read = await readMirrorFile({ config }, {})

  assert.equal(read.config.host.configFile, resolve(config))
})

test('pods cannot be looked for by a file either', async () => {
  await assert.rejects(readMirrorFile({ config: write({ SENSOR: 'zeek' }) }, {}), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: SENSOR: expected an IP address or a host name ' +
      '(one without a dot as host:NAME), received "zeek"',
  })
})

test('a file that cannot be read is named', async () => {
  await assert.rejects(readMirrorFile({ config: '/nowhere/podtap.json' }, {}), {
    code: 'ERR_CONFIG',
    message:
      /^invalid configuration: CONFIG_FILE: expected a file that can be read: ENOENT.*\/nowhere\/podtap\.json/,
  })
})
