import assert from 'node:assert/strict'
import test from 'node:test'
import type { Pod } from '../../../../lib/kube/objects.ts'
import { readSensorPod, sensorsAmong } from '../../../../sidecar/sensor/sensor-pod.ts'

const READY: Pod = {
  metadata: { name: 'zeek-0', namespace: 'ndr' },
  spec: { nodeName: 'node-1' },
  status: {
    phase: 'Running',
    podIP: '10.0.0.7',
    podIPs: [{ ip: '10.0.0.7' }, { ip: 'fd00::7' }],
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
  },
}

test('of a ready pod its name, node and addresses are kept', () => {
  assert.deepEqual(readSensorPod(READY), {
    name: 'ndr/zeek-0',
    nodeName: 'node-1',
    ips: ['10.0.0.7', 'fd00::7'],
  })
})

test('the zone that a pod is labelled with is kept', () => {
  const labels = { run: 'zeek', 'topology.kubernetes.io/zone': 'eu-west-1a' }
  const pod = readSensorPod({ ...READY, metadata: { ...READY.metadata, labels } })

  const { sensors } = sensorsAmong([pod!], { ownAddresses: ['10.9.9.9'], port: 4789 })

  assert.equal(pod?.zone, 'eu-west-1a')
  assert.equal(sensors[0]?.zone, 'eu-west-1a')
})

test('a pod that carries the sidecar is known by its container, wherever that is', () => {
  const sidecar = { name: 'podtap' }
  const beside = { ...READY, spec: { ...READY.spec, containers: [{ name: 'web' }, sidecar] } }
  const native = { ...READY, spec: { ...READY.spec, initContainers: [sidecar] } }

  assert.equal(readSensorPod(beside)?.isMirrored, true)
  assert.equal(readSensorPod(native)?.isMirrored, true)
})

test('the single address of an older API is kept', () => {
  const pod = { ...READY, status: { ...READY.status, podIPs: [] } }

  assert.deepEqual(readSensorPod(pod)?.ips, ['10.0.0.7'])
})

const UNUSABLE: Record<string, Pod> = {
  'a pending pod': { ...READY, status: { ...READY.status, phase: 'Pending' } },
  'a pod that is not ready': {
    ...READY,
    status: { ...READY.status, conditions: [{ type: 'Ready', status: 'False' }] },
  },
  'a pod without conditions': { ...READY, status: { phase: 'Running', podIP: '10.0.0.7' } },
  'a terminating pod': {
    ...READY,
    metadata: { ...READY.metadata, deletionTimestamp: '2026-11-22T06:00:00Z' },
  },
  'a pod without an IP': {
    ...READY,
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  },
  'an empty object': {},
}

for (const [what, pod] of Object.entries(UNUSABLE)) {
  test(`${what} is no sensor`, () => {
    assert.equal(readSensorPod(pod), undefined)
  })
}

test('sensors are sorted by name and have the address that the pod can reach', () => {
  const pods = [
    { name: 'ndr/b', nodeName: 'node-2', ips: ['10.0.0.2', 'fd00::2'] },
    { name: 'ndr/a', nodeName: undefined, ips: ['fd00::1', '10.0.0.1'] },
  ]

  assert.deepEqual(sensorsAmong(pods, { ownAddresses: ['10.9.9.9'], port: 4790 }), {
    sensors: [
      { destination: { address: '10.0.0.1', family: 4, port: 4790 }, name: 'ndr/a' },
      {
        destination: { address: '10.0.0.2', family: 4, port: 4790 },
        name: 'ndr/b',
        nodeName: 'node-2',
      },
    ],
    ignored: [],
  })
})

test('pods that cannot be sensors are named with the reason', () => {
  const pods = [
    { name: 'ndr/self', nodeName: 'n', ips: ['10.9.9.9', 'fd00::9'] },
    { name: 'ndr/broken', nodeName: 'n', ips: ['ten'] },
    { name: 'ndr/nobody', nodeName: 'n', ips: ['0.0.0.0', 'ff02::1', '224.0.0.1', '::'] },
    { name: 'ndr/six', nodeName: 'n', ips: ['fd00::6'] },
    { name: 'ndr/web', nodeName: 'n', ips: ['10.0.0.8'], isMirrored: true } as const,
  ]

  assert.deepEqual(sensorsAmong(pods, { ownAddresses: ['127.0.0.1', '10.9.9.9'], port: 4789 }), {
    sensors: [],
    ignored: [
      { name: 'ndr/self', flaw: 'self', reason: 'it is the mirrored pod itself' },
      { name: 'ndr/broken', flaw: 'address', reason: 'ten is not the IP address of a host' },
      {
        name: 'ndr/nobody',
        flaw: 'address',
        reason: '0.0.0.0, ff02::1, 224.0.0.1, :: is not the IP address of a host',
      },
      {
        name: 'ndr/six',
        flaw: 'family',
        reason: 'it has only fd00::6, and this pod no address of that family',
      },
      { name: 'ndr/web', flaw: 'mirrored', reason: "it carries podtap's own sidecar" },
    ],
  })
})
