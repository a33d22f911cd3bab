import assert from 'node:assert/strict'
import test from 'node:test'
import { withKindOfSidecar } from '../../../../cli/installation/current-installation.ts'
import { imagesOf, webhookSettings } from '../../../../cli/installation/webhook-settings.ts'

function deployment(env: readonly object[]): Record<string, unknown> {
  const webhook = { name: 'webhook', image: 'podtap/webhook:0.1.0', env }
  const mesh = { name: 'proxy', image: 'mesh:1', env: [{ name: 'SENSOR', value: 'wrong' }] }
  return { spec: { template: { spec: { containers: [mesh, webhook] } } } }
}

test('settings are those of the container of the webhook', () => {
  const settings = webhookSettings(deployment([{ name: 'SENSOR', value: 'zeek' }]), 'taps')

  assert.equal(settings.installation.sidecar.sensor, 'zeek')
  assert.equal(settings.installation.ownNamespace, 'taps')
  assert.deepEqual(imagesOf(deployment([])), ['podtap/webhook:0.1.0', 'mesh:1'])
})

test('values from elsewhere count as not given, and no Deployment has the defaults', () => {
  const elsewhere = { name: 'SENSOR', valueFrom: { configMapKeyRef: { name: 'x', key: 'y' } } }

  assert.equal(
    webhookSettings(deployment([elsewhere]), 'podtap').installation.sidecar.sensor,
    'sensor',
  )
  assert.equal(webhookSettings(undefined, 'podtap').installation.sidecar.sensor, 'sensor')
})

test('sidecars are native where all kubelets allow it, unless somebody said otherwise', () => {
  const auto = webhookSettings(undefined, 'podtap')
  const off = webhookSettings(deployment([{ name: 'NATIVE_SIDECAR', value: 'off' }]), 'podtap')
  const isNative = (kubelets: readonly string[], settings = auto): boolean =>
    withKindOfSidecar(settings, kubelets).sidecar.native

  assert.equal(isNative(['v1.34.1', 'v1.29.0']), true)
  assert.equal(isNative(['v1.34.1', 'v1.28.9']), false)
  assert.equal(isNative([]), false)
  assert.equal(isNative(['v1.34.1'], off), false)
})
