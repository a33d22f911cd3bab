import assert from 'node:assert/strict'
import { after, before, beforeEach, suite, test } from 'node:test'
import { KubeClient } from '../../../../lib/kube/client.ts'
import { putCaBundle } from '../../../../webhook/certificates/ca-bundle.ts'
import { startKubeStore, type KubeStore } from '../../../helpers/kube-store.ts'
import { OWN, PATHS } from '../../../helpers/own-objects.ts'

const service = (namespace: string, caBundle?: string): object => ({
  service: { namespace, name: 'podtap-webhook', path: '/mutate' },
  ...(caBundle !== undefined && { caBundle }),
})

suite('the caBundle', () => {
  let api: KubeStore
  let client: KubeClient
  before(async () => {
    api = await startKubeStore()
    client = new KubeClient({ server: api.url, read: () => Promise.resolve({ tls: {} }) })
  })
  beforeEach(() => {
    api.put(PATHS.configuration, {
      metadata: { name: 'podtap' },
      webhooks: [
        { name: 'other.example.org', clientConfig: service('other', 'b3RoZXI=') },
        { name: 'inject.podtap.dev', failurePolicy: 'Ignore', clientConfig: service('podtap') },
      ],
    })
  })
  after(() => api.stop())

  test('is written where our Service is called, and nothing else is touched', async () => {
    assert.equal(await putCaBundle(client, OWN, 'PEM'), true)

    assert.deepEqual(api.get(PATHS.configuration)?.['webhooks'], [
      { name: 'other.example.org', clientConfig: service('other', 'b3RoZXI=') },
      {
        name: 'inject.podtap.dev',
        failurePolicy: 'Ignore',
        clientConfig: service('podtap', 'UEVN'),
      },
    ])
  })

  test('is not written again where it is right', async () => {
    await putCaBundle(client, OWN, 'PEM')
    const writes = api.writes.length

    assert.equal(await putCaBundle(client, OWN, 'PEM'), false)
    assert.equal(api.writes.length, writes)
  })

  test('cannot be put where no webhook calls our Service', async () => {
    const message =
      'MutatingWebhookConfiguration podtap: expected a webhook for the Service ' +
      'podtap/podtap-webhook, found none; apply the manifests'
    api.put(PATHS.configuration, { metadata: { name: 'podtap' }, webhooks: null })
    await assert.rejects(putCaBundle(client, OWN, 'PEM'), { code: 'ERR_CERTIFICATE', message })

    const missing = { ...OWN, webhookConfiguration: 'nothing' }
    await assert.rejects(putCaBundle(client, missing, 'PEM'), {
      code: 'ERR_CERTIFICATE',
      message: message.replace('Configuration podtap', 'Configuration nothing'),
    })
  })
})
