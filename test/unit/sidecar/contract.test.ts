import assert from 'node:assert/strict'
import test from 'node:test'
import {
  parseInterface,
  parseLabelKey,
  parseNamespace,
  parseSensor,
  parseVni,
  readSensorSetting,
} from '../../../sidecar/contract.ts'

const INVALID = { expected: 'a label value, an IP address or a host name' }

const SETTINGS: Record<string, ReturnType<typeof readSensorSetting>> = {
  sensor: { value: { kind: 'pods', labelValue: 'sensor' } },
  Zeek_2: { value: { kind: 'pods', labelValue: 'Zeek_2' } },
  'pod:sensor.v2': { value: { kind: 'pods', labelValue: 'sensor.v2' } },
  'sensor.example.org': { value: { kind: 'host', host: 'sensor.example.org' } },
  'sensor.podtap-sensor.svc.': { value: { kind: 'host', host: 'sensor.podtap-sensor.svc.' } },
  'host:localhost': { value: { kind: 'host', host: 'localhost' } },
  '10.1.2.3': { value: { kind: 'address', address: '10.1.2.3', family: 4 } },
  'fd00::7': { value: { kind: 'address', address: 'fd00::7', family: 6 } },
  '[fd00::7]': { value: { kind: 'address', address: 'fd00::7', family: 6 } },
  '::ffff:10.1.2.3': { value: { kind: 'address', address: '::ffff:10.1.2.3', family: 6 } },
  '10.0.0.256': INVALID,
  '10.0.0.1:4789': INVALID,
  '[10.0.0.1]': INVALID,
  'fe80::1%eth0': INVALID,
  '0.0.0.0': INVALID,
  '::': INVALID,
  '255.255.255.255': INVALID,
  'sensor..example': INVALID,
  'sensor_1.example': INVALID,
  'a b': INVALID,
  '-sensor': INVALID,
  'pod:': INVALID,
  'pod:a/b': INVALID,
  'host:': INVALID,
  'host:10.0.0.1': INVALID,
  'udp://10.0.0.1': INVALID,
  [`${'a'.repeat(64)}.example`]: INVALID,
}

for (const [raw, expected] of Object.entries(SETTINGS)) {
  test(`SENSOR=${raw} is read as ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(readSensorSetting(raw), expected)
  })
}

test('what cannot be read as SENSOR does not pass the check of SENSOR either', () => {
  const passing = Object.keys(SETTINGS).filter((raw) => 'value' in parseSensor(raw))

  assert.deepEqual(passing, [
    'sensor',
    'Zeek_2',
    'pod:sensor.v2',
    'sensor.example.org',
    'sensor.podtap-sensor.svc.',
    'host:localhost',
    '10.1.2.3',
    'fd00::7',
    '[fd00::7]',
    '::ffff:10.1.2.3',
  ])
})

test('a VNI is decimal or 0x-hex and has 24 bits', () => {
  const read = ['0', '42', '16777215', '0x2A', '0xffffff'].map(parseVni)
  const refused = ['16777216', '0x1000000', '-1', '1.5', '1e3', 'abc', '0x', ' 1'].map(parseVni)

  assert.deepEqual(
    read,
    [0, 42, 16777215, 42, 16777215].map((value) => ({ value })),
  )
  assert.deepEqual(
    refused,
    refused.map(() => ({ expected: 'an integer 0…16777215 or 0x0…0xffffff' })),
  )
})

test('a label key is a name with or without a prefix', () => {
  const keys = [
    'run',
    'app.kubernetes.io/name',
    'Run',
    '',
    'a/b/c',
    '/run',
    'A.example/x',
    'x/',
    'x y',
  ]

  const accepted = keys.filter((key) => 'value' in parseLabelKey(key))

  assert.deepEqual(accepted, ['run', 'app.kubernetes.io/name', 'Run'])
})

test('a namespace is a DNS label', () => {
  const names = ['podtap-sensor', '1st', 'Upper', '-a', 'a-', 'a.b', 'a'.repeat(63), 'a'.repeat(64)]

  const accepted = names.filter((name) => 'value' in parseNamespace(name))

  assert.deepEqual(accepted, ['podtap-sensor', '1st', 'a'.repeat(63)])
})

test('an interface name has 1 to 15 characters and is no path', () => {
  const names = ['eth0', 'eth0.100', 'enp0s31f6', '.', '..', 'a/b', 'a b', 'a:1', 'a'.repeat(16)]

  const accepted = names.filter((name) => 'value' in parseInterface(name))

  assert.deepEqual(accepted, ['eth0', 'eth0.100', 'enp0s31f6'])
})
