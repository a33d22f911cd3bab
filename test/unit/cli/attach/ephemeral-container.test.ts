import assert from 'node:assert/strict'
import test from 'node:test'
import {
  attachedName,
  durationText,
  ephemeralContainer,
} from '../../../../cli/attach/ephemeral-container.ts'
import { INSTALLATION } from '../../../helpers/situation.ts'

test('the container has the rights of the sidecar, and nothing that an ephemeral one must not have', () => {
  const settings = { ...INSTALLATION.sidecar, sensor: '10.0.0.9', receiver: 'remote' } as const

  assert.deepEqual(ephemeralContainer(settings, { name: 'podtap-x7f2c', duration: 90 }), {
    name: 'podtap-x7f2c',
    image: 'podtap/sidecar:0.1.0',
    imagePullPolicy: 'IfNotPresent',
    env: [
      { name: 'SENSOR', value: '10.0.0.9' },
      { name: 'SENSOR_NAMESPACE', value: 'podtap-sensor' },
      { name: 'SENSOR_LABEL', value: 'run' },
      { name: 'SENSOR_PORT', value: '4789' },
      { name: 'VNI', value: '1' },
      { name: 'INTERFACE', value: 'eth0' },
      { name: 'RECEIVER', value: 'remote' },
      { name: 'METRICS_PORT', value: '14789' },
      { name: 'LOG_LEVEL', value: 'info' },
      {
        name: 'NODE_NAME',
        valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } },
      },
      {
        name: 'NODE_ZONE',
        valueFrom: {
          fieldRef: {
            apiVersion: 'v1',
            fieldPath: "metadata.labels['topology.kubernetes.io/zone']",
          },
        },
      },
      { name: 'DURATION', value: '90s' },
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_RAW'], drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsGroup: 65532,
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  })
})

test('its name is podtap- and five letters by chance', () => {
  const numbers = [0, 0.5, 0.999, 0.25, 0.1]

  assert.equal(
    attachedName(() => numbers.shift() ?? 0),
    'podtap-br9jd',
  )
})

test('a duration is shown as somebody would write it', () => {
  assert.deepEqual([90, 600, 7200, 3661].map(durationText), ['90s', '10m', '2h', '3661s'])
})
