import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadWebhookConfig } from '../../../webhook/config.ts'
import { INSTALLATION } from '../../helpers/situation.ts'
import { OWN } from '../../helpers/own-objects.ts'

test('an empty environment gives the installation of the manifests', () => {
  assert.deepEqual(loadWebhookConfig({}), {
    installation: INSTALLATION,
    nativeSidecar: 'auto',
    scope: 'all',
    coverage: true,
    own: OWN,
    certificates: {
      source: 'auto',
      lifeMs: 365 * 86_400_000,
      authorityLifeMs: 3650 * 86_400_000,
      trustDelayMs: 30_000,
    },
    podName: 'podtap-webhook',
    podUid: '',
    port: 10250,
    drainMs: 5000,
    logLevel: 'info',
    kubeconfig: undefined,
  })
})

test('COVERAGE=off does without looking for pods', () => {
  assert.equal(loadWebhookConfig({ COVERAGE: 'off' }).coverage, false)
})

test('every bad variable is named at once', () => {
  const env = {
    SIDECAR_CPU: 'lots',
    VNI: '0x1000000',
    LISTEN_PORT: '70000',
    LOG_LEVEL: 'loud',
    BPF: '$',
  }

  assert.throws(() => loadWebhookConfig(env), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: SIDECAR_CPU: expected a CPU quantity of 10m…16, such as 250m, received "lots"; ' +
      'VNI: expected an integer 0…16777215 or 0x0…0xffffff, received "0x1000000"; ' +
      'BPF: expected a pcap-filter expression in one line, without $, received "$"; ' +
      'LISTEN_PORT: expected an integer 0…65535, received "70000"; ' +
      'LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, received "loud"',
  })
})

test('the sidecar is of the version of this package', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')
  const { version } = JSON.parse(text) as { version: string }

  assert.equal(loadWebhookConfig({}).installation.sidecar.image, `podtap/sidecar:${version}`)
})
