import assert from 'node:assert/strict'
import test from 'node:test'
import { sidecarOf } from '../../../../cli/sidecars/mirrored-pod.ts'
import { webhookSettings } from '../../../../cli/installation/webhook-settings.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import type { SidecarSettings } from '../../../../webhook/admission/settings.ts'

const BARE = { metadata: { name: 'web-1' }, spec: { containers: [{ name: 'web', image: 'x' }] } }

function pod(settings: Partial<SidecarSettings>, status: JsonObject = {}): JsonObject {
  const { sidecar } = webhookSettings(undefined, 'podtap').installation
  return { ...inject(BARE, { ...sidecar, ...settings }), status }
}

test('a pod without a sidecar has none', () => {
  assert.equal(sidecarOf(BARE), undefined)
})

test('a native sidecar is found with its state', () => {
  const state = { running: { startedAt: '2026-11-22T12:00:00Z' } }
  const status = { name: 'podtap', ready: true, restartCount: 2, state }

  assert.deepEqual(sidecarOf(pod({ native: true }, { initContainerStatuses: [status] })), {
    native: true,
    startedAt: new Date('2026-11-22T12:00:00Z'),
    ready: true,
    restarts: 2,
    waiting: '',
    image: 'podtap/sidecar:0.1.0',
    metricsPort: 14789,
  })
})

test('a classic sidecar that waits says why', () => {
  const status = { name: 'podtap', state: { waiting: { reason: 'ImagePullBackOff' } } }
  const found = sidecarOf(pod({}, { containerStatuses: [status] }))

  assert.equal(found?.startedAt, undefined)
  assert.equal(found?.waiting, 'ImagePullBackOff')
})

test('metrics that only the pod sees cannot be read', () => {
  assert.equal(sidecarOf(pod({ metricsAddress: '127.0.0.1' }))?.metricsPort, undefined)
  assert.equal(sidecarOf(pod({ metricsPort: 0 }))?.metricsPort, undefined)
})

test('a sidecar that was attached counts until it has ended', () => {
  const container = {
    name: 'podtap-x7f2c',
    image: 'podtap/sidecar:0.1.0',
    env: [{ name: 'METRICS_PORT', value: '14789' }],
  }
  const attached = (state: JsonObject): JsonObject => ({
    ...BARE,
    spec: { ...BARE.spec, ephemeralContainers: [container] },
    status: { ephemeralContainerStatuses: [{ name: 'podtap-x7f2c', restartCount: 0, state }] },
  })

  assert.deepEqual(sidecarOf(attached({ running: { startedAt: '2026-11-22T12:00:00Z' } })), {
    native: false,
    attached: true,
    startedAt: new Date('2026-11-22T12:00:00Z'),
    ready: false,
    restarts: 0,
    waiting: '',
    image: 'podtap/sidecar:0.1.0',
    metricsPort: 14789,
  })
  assert.equal(sidecarOf(attached({ terminated: { exitCode: 0 } })), undefined)
})
