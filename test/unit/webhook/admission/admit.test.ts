import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admit } from '../../../../webhook/admission/admit.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import {
  deployment,
  enabledNamespace,
  INSTALLATION,
  podTemplate,
  situation,
  workload,
} from '../../../helpers/situation.ts'

const RESTART = { 'kubectl.kubernetes.io/restartedAt': '2026-11-22T06:00:00Z' }
const injected = (annotations: JsonObject = {}): JsonObject =>
  deployment(inject(podTemplate(annotations), INSTALLATION.sidecar))

test('a restarted Deployment gets exactly this patch', () => {
  const before = deployment(podTemplate())
  const after = deployment(podTemplate(RESTART))

  const outcome = admit(situation({ workload: workload(after, before) }))

  assert.deepEqual(outcome, {
    verdict: 'injected',
    reason: 'enabled',
    detail: 'namespace shop is enabled',
    warnings: ['podtap: sidecar added to deployment/web'],
    configHash: 'f415f30d8b81734e',
    patch: [
      {
        op: 'add',
        path: '/spec/template/spec/containers/1',
        value: {
          name: 'podtap',
          image: 'podtap/sidecar:0.1.0',
          imagePullPolicy: 'IfNotPresent',
          env: [
            { name: 'SENSOR', value: 'sensor' },
            { name: 'SENSOR_NAMESPACE', value: 'podtap-sensor' },
            { name: 'SENSOR_LABEL', value: 'run' },
            { name: 'SENSOR_PORT', value: '4789' },
            { name: 'VNI', value: '1' },
            { name: 'INTERFACE', value: 'eth0' },
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
          ],
          ports: [{ name: 'podtap-metrics', containerPort: 14789, protocol: 'TCP' }],
          resources: {
            requests: { cpu: '250m', memory: '256Mi' },
            limits: { cpu: '250m', memory: '256Mi' },
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { add: ['NET_RAW'], drop: ['ALL'] },
            readOnlyRootFilesystem: true,
            runAsGroup: 65532,
            runAsNonRoot: true,
            runAsUser: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: [
            {
              name: 'podtap-token',
              mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
              readOnly: true,
            },
          ],
        },
      },
      {
        op: 'add',
        path: '/spec/template/spec/volumes',
        value: [
          {
            name: 'podtap-token',
            projected: {
              defaultMode: 420,
              sources: [
                { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
                {
                  configMap: {
                    name: 'kube-root-ca.crt',
                    items: [{ key: 'ca.crt', path: 'ca.crt' }],
                  },
                },
                {
                  downwardAPI: {
                    items: [
                      {
                        path: 'namespace',
                        fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
                      },
                    ],
                  },
                },
              ],
            },
          },
        ],
      },
      {
        op: 'add',
        path: '/spec/template/metadata/annotations/podtap.dev~1status',
        value:
          '{"version":1,"config":"f415f30d8b81734e","containers":["podtap"],' +
          '"volumes":["podtap-token"],"created":{"volumes":"absent"}}',
      },
    ],
  })
})

test('opting out takes exactly the sidecar away', () => {
  const before = injected()
  const after = injected({ 'podtap.dev/inject': 'disabled' })

  const { verdict, reason, patch, warnings, configHash } = admit(
    situation({ workload: workload(after, before) }),
  )

  assert.deepEqual(
    { verdict, reason, configHash },
    { verdict: 'removed', reason: 'opted-out', configHash: '' },
  )
  assert.deepEqual(patch, [
    { op: 'remove', path: '/spec/template/spec/containers/1' },
    { op: 'remove', path: '/spec/template/spec/volumes' },
    { op: 'remove', path: '/spec/template/metadata/annotations/podtap.dev~1status' },
  ])
  assert.deepEqual(warnings, [
    'podtap: sidecar removed from deployment/web (opted-out): podtap.dev/inject is disabled on the pod template',
  ])
})

test('a PUT of the original manifest gets the stored sidecar back', () => {
  const original = deployment(podTemplate())

  const first = admit(situation({ workload: workload(original) }))
  const again = admit(situation({ workload: workload(original, injected()) }))

  assert.deepEqual(again.patch, first.patch)
})

test('a template that is current gets no patch, and a restart is told so', () => {
  const later = { 'kubectl.kubernetes.io/restartedAt': '2026-11-22T07:00:00Z' }

  const { verdict, patch, warnings } = admit(
    situation({ workload: workload(injected(later), injected(RESTART)) }),
  )

  assert.deepEqual({ verdict, patch }, { verdict: 'unchanged', patch: [] })
  assert.deepEqual(warnings, ['podtap: deployment/web already has its sidecar, unchanged'])
})

test('a port that the application declares is not declared again', () => {
  const ports = [{ containerPort: 14789 }]
  const template = podTemplate({}, { containers: [{ name: 'web', ports }] })

  const { patch } = admit(situation({ workload: workload(deployment(template)) }))

  assert.equal(JSON.stringify(patch).includes('podtap-metrics'), false)
})

test('the filter stands in the environment where there is one', () => {
  const namespace = enabledNamespace({ 'podtap.dev/filter': 'not port 53' })

  const { patch } = admit(situation({ workload: workload(deployment(podTemplate())), namespace }))

  assert.ok(JSON.stringify(patch).includes('{"name":"BPF","value":"not port 53"}'))
})

test('the template of a CronJob is patched where it stands', () => {
  const object = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'web' },
    spec: { jobTemplate: { spec: { template: inject(podTemplate(), INSTALLATION.sidecar) } } },
  }

  const { verdict, reason, patch } = admit(situation({ workload: workload(object) }))

  assert.deepEqual({ verdict, reason }, { verdict: 'removed', reason: 'never-ends' })
  assert.deepEqual(
    patch.map(({ path }) => path),
    [
      '/spec/jobTemplate/spec/template/spec/containers/1',
      '/spec/jobTemplate/spec/template/spec/volumes',
      '/spec/jobTemplate/spec/template/metadata/annotations/podtap.dev~1status',
    ],
  )
})
