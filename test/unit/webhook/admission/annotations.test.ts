import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseInject, readOverrides } from '../../../../webhook/admission/annotations.ts'

test('podtap.dev/inject takes four words and no other', () => {
  assert.deepEqual(['enabled', 'true', 'disabled', 'false'].map(parseInject), [
    { value: true },
    { value: true },
    { value: false },
    { value: false },
  ])
  for (const word of ['', 'Enabled', 'enabled ', 'yes', '1', 'on']) {
    assert.deepEqual(parseInject(word), { expected: 'enabled or disabled' })
  }
})

suite('a value of an override', () => {
  const cases: readonly (readonly [key: string, raw: string, override: unknown])[] = [
    ['sensor', 'zeek', { sensor: 'zeek' }],
    ['sensor', 'security/zeek', { sensor: 'zeek', sensorNamespace: 'security' }],
    ['sensor', 'fd00::1', { sensor: 'fd00::1' }],
    ['sensor', 'zeek.example.org', { sensor: 'zeek.example.org' }],
    ['vni', '0', { vni: 0 }],
    ['vni', '0xFFFFFF', { vni: 16777215 }],
    ['interface', 'net1', { interfaceName: 'net1' }],
    [
      'filter',
      'tcp port 80 and not net 10.0.0.0/8',
      { filter: 'tcp port 80 and not net 10.0.0.0/8' },
    ],
    ['cpu', '0.5', { cpu: '500m' }],
    ['memory', '1024Mi', { memory: '1Gi' }],
  ]
  for (const [key, raw, override] of cases) {
    test(`${key}: ${raw}`, () => {
      const read = readOverrides({}, { [`podtap.dev/${key}`]: raw })

      assert.deepEqual(read, { override, problems: [] })
    })
  }
})

test('every bad value is reported with its key, what was expected and what was received', () => {
  const { override, problems } = readOverrides(
    {
      'podtap.dev/sensor': 'a/b/c',
      'podtap.dev/vni': '-1',
      'podtap.dev/interface': 'eth0/1',
    },
    { 'podtap.dev/filter': 'port $(X)', 'podtap.dev/cpu': '1n', 'podtap.dev/memory': '64Mi' },
  )

  assert.deepEqual(override, {})
  assert.deepEqual(problems, [
    'podtap.dev/sensor: expected a sensor as name or namespace/name, received "a/b/c"',
    'podtap.dev/vni: expected an integer 0…16777215 or 0x0…0xffffff, received "-1"',
    'podtap.dev/interface: expected an interface name of 1…15 characters, received "eth0/1"',
    'podtap.dev/filter: expected a pcap-filter expression in one line, without $, received "port $(X)"',
    'podtap.dev/cpu: expected a CPU quantity of 10m…16, such as 250m, received "1n"',
    'podtap.dev/memory: expected a memory quantity of 96Mi…16Gi, such as 256Mi, received "64Mi"',
  ])
})
