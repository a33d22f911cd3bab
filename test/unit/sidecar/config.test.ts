import assert from 'node:assert/strict'
import test from 'node:test'
import { AppError } from '../../../lib/errors.ts'
import { loadSidecarConfig } from '../../../sidecar/config.ts'
import { DEFAULT_ENGINE, ENGINES } from '../../../sidecar/contract.ts'
import { checkFilter } from '../../../sidecar/engine/libpcap.ts'

const CHECKS = { ownNamespace: 'podtap-sensor', checkFilter }

const NO_HOST = {
  mode: 'sidecar',
  missingInterface: 'wait',
  dedupLocal: false,
  excludeMirrored: false,
  debugLevel: 0,
  configFile: undefined,
  configPath: undefined,
}

test('SENSOR alone is a whole configuration', async () => {
  const config = await loadSidecarConfig({ SENSOR: 'sensor' }, CHECKS)

  assert.deepEqual(config, {
    sensor: {
      kind: 'pods',
      namespace: 'podtap-sensor',
      labelKey: 'run',
      labelValue: 'sensor',
    },
    sensorPort: 4789,
    vni: 1,
    interfaceName: 'eth0',
    interfaces: undefined,
    filter: '',
    engine: DEFAULT_ENGINE,
    receiver: 'auto',
    fit: 'split',
    spread: 'pod',
    metricsPort: 14789,
    metricsAddress: undefined,
    logLevel: 'info',
    nodeName: undefined,
    zone: undefined,
    durationMs: undefined,
    host: NO_HOST,
  })
})

test('every variable is used', async () => {
  const env = {
    SENSOR: '[fd00::7]',
    SENSOR_NAMESPACE: 'ndr',
    SENSOR_LABEL: 'example.org/role',
    SENSOR_PORT: '8472',
    VNI: '0x2a',
    INTERFACE: 'net1',
    BPF: 'tcp port 80',
    ENGINE: 'cap',
    RECEIVER: 'socket',
    FIT: 'off',
    SPREAD: 'flow',
    METRICS_PORT: '0',
    METRICS_ADDRESS: '[::1]',
    LOG_LEVEL: 'debug',
    NODE_NAME: 'node-1.example.org',
    NODE_ZONE: 'eu-west-1a',
    DURATION: '90s',
  }

  assert.deepEqual(await loadSidecarConfig(env, CHECKS), {
    sensor: { kind: 'address', address: 'fd00::7', family: 6 },
    sensorPort: 8472,
    vni: 42,
    interfaceName: 'net1',
    interfaces: undefined,
    filter: 'tcp port 80',
    engine: 'cap',
    receiver: 'socket',
    fit: 'off',
    spread: 'flow',
    metricsPort: 0,
    metricsAddress: '::1',
    logLevel: 'debug',
    nodeName: 'node-1.example.org',
    zone: 'eu-west-1a',
    durationMs: 90_000,
    host: NO_HOST,
  })
})

test('pods are looked for where SENSOR_NAMESPACE and SENSOR_LABEL say', async () => {
  const env = { SENSOR: 'zeek', SENSOR_NAMESPACE: 'ndr', SENSOR_LABEL: 'app' }

  const { sensor } = await loadSidecarConfig(env, CHECKS)

  assert.deepEqual(sensor, {
    kind: 'pods',
    namespace: 'ndr',
    labelKey: 'app',
    labelValue: 'zeek',
  })
})

test('one error names every bad value', async () => {
  const env = {
    SENSOR: '10.0.0.256',
    SENSOR_NAMESPACE: 'No_Namespace',
    SENSOR_LABEL: 'a/b/c',
    SENSOR_PORT: '0',
    VNI: '16777216',
    INTERFACE: '../eth0',
    BPF: 'tcp prot 80',
    ENGINE: 'xdp',
    RECEIVER: 'tap',
    FIT: 'cut',
    SPREAD: 'frame',
    METRICS_PORT: '65536',
    METRICS_ADDRESS: 'localhost',
    LOG_LEVEL: 'loud',
    NODE_NAME: 'node 1',
    NODE_ZONE: 'zone 1',
    DURATION: '25h',
  }

  await assert.rejects(loadSidecarConfig(env, CHECKS), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: ' +
      'SENSOR: expected a label value, an IP address or a host name, received "10.0.0.256"; ' +
      'SENSOR_NAMESPACE: expected a namespace name, received "No_Namespace"; ' +
      'SENSOR_LABEL: expected a label key such as run or example.org/role, received "a/b/c"; ' +
      'SENSOR_PORT: expected an integer 1…65535, received "0"; ' +
      'VNI: expected an integer 0…16777215 or 0x0…0xffffff, received "16777216"; ' +
      'INTERFACE: expected interface names of 1…15 characters, separated by spaces, received "../eth0"; ' +
      "BPF: expected a pcap-filter expression: can't parse filter expression: syntax error (see pcap-filter(7)), " +
      'received "tcp prot 80"; ' +
      `ENGINE: expected one of ${ENGINES.join(', ')}, received "xdp"; ` +
      'RECEIVER: expected one of auto, socket, remote, sniffer, received "tap"; ' +
      'FIT: expected one of split, fragment, off, received "cut"; ' +
      'SPREAD: expected one of pod, flow, received "frame"; ' +
      'METRICS_PORT: expected an integer 0…65535, received "65536"; ' +
      'METRICS_ADDRESS: expected an IP address such as 127.0.0.1 or ::, received "localhost"; ' +
      'LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, received "loud"; ' +
      'NODE_NAME: expected the name of a node, received "node 1"; ' +
      'NODE_ZONE: expected a label value of at most 63 characters, received "zone 1"; ' +
      'DURATION: expected a time of 1s…24h, such as 90s, 10m, 12h or 365d, received "25h"',
  })
})

test('SENSOR is required', async () => {
  await assert.rejects(loadSidecarConfig({}, CHECKS), {
    code: 'ERR_CONFIG',
    message: 'invalid configuration: SENSOR: expected a value (it is required), received nothing',
  })
})

test('SENSOR_NAMESPACE is required for pods where the own namespace is not known', async () => {
  await assert.rejects(loadSidecarConfig({ SENSOR: 'sensor' }, { checkFilter }), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: SENSOR_NAMESPACE: expected a value (it is required), received nothing',
  })
})

test('SENSOR_NAMESPACE is not required for an address', async () => {
  const { sensor } = await loadSidecarConfig({ SENSOR: '10.1.2.3' }, { checkFilter })

  assert.deepEqual(sensor, { kind: 'address', address: '10.1.2.3', family: 4 })
})

test('the service link of a Service named sensor is explained', async () => {
  const env = { SENSOR: 'sensor', SENSOR_PORT: 'tcp://10.96.3.4:4789' }

  await assert.rejects(loadSidecarConfig(env, CHECKS), {
    message:
      'invalid configuration: SENSOR_PORT: expected an integer 1…65535 (a Service named "sensor" ' +
      'in this namespace sets it unless the container does), received "tcp://10.96.3.4:4789"',
  })
})

test('messages name variables as the caller does', async () => {
  const checks = { ...CHECKS, nameOf: (variable: string) => `--${variable.toLowerCase()}` }

  await assert.rejects(loadSidecarConfig({ SENSOR: 'sensor', VNI: 'x' }, checks), {
    message:
      'invalid configuration: --vni: expected an integer 0…16777215 or 0x0…0xffffff, received "x"',
  })
})

test('a filter that cannot be checked is not taken for a wrong one', async () => {
  const failure = new AppError('ERR_NATIVE_LIBRARY', 'libpcap is missing')
  const checks = { checkFilter: () => Promise.reject(failure) }

  await assert.rejects(loadSidecarConfig({ SENSOR: '10.1.2.3', BPF: 'tcp' }, checks), failure)
})

test('several interfaces, lists and the host mode make rules', async () => {
  const rulesFor = async (env: Record<string, string>): Promise<unknown> =>
    (await loadSidecarConfig({ SENSOR: '192.0.2.1', ...env }, CHECKS)).interfaces

  assert.equal(await rulesFor({ INTERFACE: 'eth1' }), undefined)
  assert.deepEqual(await rulesFor({ INTERFACE: 'eth0, net1' }), {
    names: ['eth0', 'net1'],
    include: [],
    exclude: [],
    any: false,
  })
  assert.deepEqual(await rulesFor({ INTERFACE_EXCLUDE: '^veth' }), {
    names: ['eth0'],
    include: [],
    exclude: ['^veth'],
    any: false,
  })
  assert.deepEqual(
    await rulesFor({ MODE: 'host', INTERFACE_ANY: '1', INTERFACE_INCLUDE: '^eth ^en' }),
    {
      names: [],
      include: ['^eth', '^en'],
      exclude: [],
      any: true,
    },
  )
})

test('the vendor’s environment is a whole host with the vendor’s defaults', async () => {
  const env = { VSENSOR_HOSTNAME: 'vsensor', VSENSOR_HMAC_KEY: 'secret' }
  const checks = { checkFilter, defaultDevice: () => 'ens5' }

  const config = await loadSidecarConfig(env, checks)

  assert.deepEqual(config.sensor, { kind: 'host', host: 'vsensor' })
  assert.deepEqual(config.interfaces, { names: ['ens5'], include: [], exclude: [], any: false })
  assert.equal(config.host.mode, 'host')
  assert.equal(config.host.debugLevel, 1)
  assert.equal(config.host.configPath, '/etc/podtap/podtap.json')
})

test('a host without a default gateway must name its interface', async () => {
  const checks = { checkFilter, defaultDevice: () => undefined }

  await assert.rejects(loadSidecarConfig({ VSENSOR_HOSTNAME: '192.0.2.1' }, checks), {
    message:
      'invalid configuration: OSSENSOR_NETWORK_DEVICE: expected the name of an interface, ' +
      'because this host has no default gateway, received nothing',
  })
})

test('the engine cap refuses several interfaces', async () => {
  const env = { SENSOR: '192.0.2.1', MODE: 'host', ENGINE: 'cap' }

  await assert.rejects(loadSidecarConfig(env, CHECKS), {
    message:
      'invalid configuration: ENGINE: expected ring, which alone can capture several interfaces, received "cap"',
  })
})

test('an expression that is none is named with the variable that was set', async () => {
  const env = { VSENSOR_HOSTNAME: '192.0.2.1', NETWORK_DEVICE_INCLUDELIST: '^eth (' }

  await assert.rejects(loadSidecarConfig(env, CHECKS), {
    message:
      'invalid configuration: NETWORK_DEVICE_INCLUDELIST: expected regular expressions separated by ' +
      'spaces: "(": missing closing ): `(`, received "^eth ("',
  })
})

test('the sensor that is missing is named', async () => {
  await assert.rejects(loadSidecarConfig({ MODE: 'host' }, CHECKS), {
    message: 'invalid configuration: SENSOR: expected a value (it is required), received nothing',
  })
  await assert.rejects(loadSidecarConfig({ VSENSOR_PORT: '4789', MODE: 'host' }, CHECKS), {
    message:
      'invalid configuration: SENSOR (or VSENSOR_HOSTNAME): expected a value (it is required), received nothing',
  })
})
