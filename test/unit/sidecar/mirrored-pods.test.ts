import assert from 'node:assert/strict'
import test from 'node:test'
import { mirroredAddresses, type MirroredPod } from '../../../sidecar/mirrored-pods.ts'

const RUNNING = { running: {} }

function pod(container: string, state: object = RUNNING, isNative = false): MirroredPod {
  const statuses = [{ name: container, state }]
  const podIPs = [{ ip: '10.244.0.7' }, { ip: 'fd00::7' }]
  return {
    status: isNative
      ? { podIPs, initContainerStatuses: statuses }
      : { podIPs, containerStatuses: statuses },
  }
}

test('a pod whose sidecar runs is mirrored at all its addresses', () => {
  assert.deepEqual(mirroredAddresses(pod('podtap')), ['10.244.0.7', 'fd00::7'])
  assert.deepEqual(mirroredAddresses(pod('podtap', RUNNING, true)), ['10.244.0.7', 'fd00::7'])
})

test('a pod without a sidecar, or whose sidecar does not run, is not', () => {
  assert.equal(mirroredAddresses(pod('web')), undefined)
  assert.equal(mirroredAddresses(pod('podtap', { waiting: {} })), undefined)
  assert.equal(mirroredAddresses({}), undefined)
  assert.equal(
    mirroredAddresses({ status: { containerStatuses: [{ name: 'podtap', state: RUNNING }] } }),
    undefined,
  )
})

test('the address of the node is never left out', () => {
  assert.equal(mirroredAddresses({ ...pod('podtap'), spec: { hostNetwork: true } }), undefined)
})
