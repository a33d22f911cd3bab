import assert from 'node:assert/strict'
import test from 'node:test'
import { sensorAmong } from '../../../../cli/attach/find-sensor.ts'
import type { Pod } from '../../../../lib/kube/objects.ts'
import { INSTALLATION } from '../../../helpers/situation.ts'

const WEB: Pod = {
  metadata: { name: 'web-1', namespace: 'shop' },
  spec: { nodeName: 'node-a' },
  status: { phase: 'Running', podIP: '10.0.1.1' },
}

function sensor(name: string, nodeName: string, ip: string, isReady = true): Pod {
  return {
    metadata: { name, namespace: 'podtap-sensor' },
    spec: { nodeName, containers: [{ name: 'zeek' }] },
    status: {
      phase: 'Running',
      podIP: ip,
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    },
  }
}

function among(...candidates: Pod[]) {
  return sensorAmong({ pod: WEB, settings: INSTALLATION.sidecar, candidates })
}

test('the sensor on the node of the pod is chosen, as its sidecar would', () => {
  const near = sensor('near', 'node-a', '10.0.0.2')
  const far = sensor('far', 'node-b', '10.0.0.3')

  assert.deepEqual(among(far, near), {
    sensor: '10.0.0.2',
    receiver: 'sniffer',
    description: 'podtap-sensor/near at 10.0.0.2',
  })
})

test('one that is not ready is left for one on another node, where frames arrive one by one', () => {
  const unready = sensor('near', 'node-a', '10.0.0.2', false)
  const far = sensor('far', 'node-b', '10.0.0.3')

  assert.deepEqual(among(unready, far), {
    sensor: '10.0.0.3',
    receiver: 'remote',
    description: 'podtap-sensor/far at 10.0.0.3',
  })
})

test('where there is no sensor it says what was looked for', () => {
  assert.throws(() => among(), {
    code: 'ERR_SENSOR',
    message:
      'no sensor: no pod has the label run=sensor in the namespace podtap-sensor; name another with --sensor',
  })
  assert.throws(() => among(sensor('near', 'node-a', '10.0.0.2', false)), {
    code: 'ERR_SENSOR',
    message:
      'no sensor: none of 1 pods run=sensor in the namespace podtap-sensor can be one now; name another with --sensor',
  })
})

test('the pod itself is no sensor for it', () => {
  assert.throws(() => among(sensor('web-1', 'node-a', '10.0.1.1')), {
    code: 'ERR_SENSOR',
    message:
      'no sensor: none of 1 pods run=sensor in the namespace podtap-sensor can be one now ' +
      '(it is the mirrored pod itself); name another with --sensor',
  })
})
