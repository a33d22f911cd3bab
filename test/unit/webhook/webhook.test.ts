import assert from 'node:assert/strict'
import { Agent, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { json, text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { KubeClient } from '../../../lib/kube/client.ts'
import { createLogger } from '../../../lib/logger.ts'
import { textAt, type JsonObject } from '../../../webhook/admission/json.ts'
import { loadWebhookConfig } from '../../../webhook/config.ts'
import { startWebhook, type RunningWebhook } from '../../../webhook/webhook.ts'
import { startKubeStore, type KubeStore } from '../../helpers/kube-store.ts'
import { PATHS } from '../../helpers/own-objects.ts'
import { deployment, podTemplate } from '../../helpers/situation.ts'

const SERVER_NAME = 'podtap-webhook.podtap.svc'
const REVIEW = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u1',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    operation: 'CREATE',
    namespace: 'shop',
    name: 'web',
    object: deployment(podTemplate()),
  },
}

suite('a webhook beside an API server', { timeout: 120_000 }, () => {
  let api: KubeStore
  let webhook: RunningWebhook
  const putNamespace = (name: string, inject?: string): void => {
    const annotations = inject === undefined ? {} : { 'podtap.dev/inject': inject, other: 'x' }
    api.put(`/api/v1/namespaces/${name}`, { metadata: { name, annotations } })
  }
  const putConfiguration = (): void => {
    const clientConfig = { service: { namespace: 'podtap', name: 'podtap-webhook' } }
    const webhooks = [{ name: 'inject.podtap.dev', clientConfig }]
    api.put(PATHS.configuration, { metadata: { name: 'podtap' }, webhooks })
  }
  const caBundle = (): string => {
    const webhooks = api.get(PATHS.configuration)?.['webhooks'] as {
      clientConfig: { caBundle?: string }
    }[]
    return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString()
  }
  const subjects = (): string[] => {
    const list = (api.get(PATHS.binding)?.['subjects'] ?? []) as { name: string }[]
    return list.map(({ name }) => name)
  }
  /** As the API server calls: by the name of the Service, trusting the caBundle only. */
  const call = (method: string, path: string, body?: unknown): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: webhook.port,
          servername: SERVER_NAME,
          ca: caBundle(),
          agent: new Agent({ keepAlive: false }),
          method,
          path,
          headers: { 'content-type': 'application/json' },
        },
        resolve,
      )
      outgoing.on('error', reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })

  before(async () => {
    api = await startKubeStore()
    putNamespace('shop')
    putNamespace('bank', 'enabled')
    putConfiguration()
    api.put(PATHS.binding, { metadata: { name: 'podtap-sensor-reader' } })
    webhook = await startWebhook({
      config: loadWebhookConfig({ LISTEN_PORT: '0', DRAIN_SECONDS: '1', LOG_LEVEL: 'silent' }),
      client: new KubeClient({ server: api.url, read: () => Promise.resolve({ tls: {} }) }),
      logger: createLogger('test', 'silent'),
    })
    await api.until(() => caBundle() !== '' && subjects().length > 0)
  })
  after(async () => {
    await webhook.stop()
    await api.stop()
  })

  test('is reached by the name of its Service with the caBundle that it wrote', async () => {
    const response = await call('GET', '/readyz')

    assert.deepEqual(await json(response), { ready: true, missing: [] })
  })

  test('lets the service accounts of enabled namespaces see sensors, as they come and go', async () => {
    assert.deepEqual(subjects(), ['system:serviceaccounts:bank'])

    putNamespace('shop', 'enabled')
    await api.until(() => subjects().length === 2)
    putNamespace('bank')
    await api.until(() => subjects().length === 1)

    assert.deepEqual(subjects(), ['system:serviceaccounts:shop'])
  })

  test('injects in a namespace that it has just been told of', async () => {
    const response = await call('POST', '/mutate', REVIEW)

    const { response: answer } = (await json(response)) as { response: JsonObject }
    assert.deepEqual(answer['warnings'], ['podtap: sidecar added to deployment/web'])
  })

  test('writes the caBundle again when somebody applies the manifest anew', async () => {
    const before = caBundle()

    putConfiguration()
    await api.until(() => caBundle() !== '')

    assert.equal(caBundle(), before)
  })

  test('answers what it saw before while the API server fails', async () => {
    api.fail(500)
    const response = await call('POST', '/mutate', REVIEW)
    api.fail(undefined)

    const { response: answer } = (await json(response)) as { response: JsonObject }
    assert.deepEqual(answer['warnings'], ['podtap: sidecar added to deployment/web'])
  })

  test('leads, being alone', async () => {
    const response = await call('GET', '/metrics')

    assert.match(await text(response), /^podtap_leader 1$/m)
  })

  test('writes no more once it was told to end, although it goes on answering', async () => {
    const stopping = webhook.stop()
    await api.until(() => textAt(api.get(PATHS.lease), 'spec', 'holderIdentity') === '')
    const before = subjects()
    putNamespace('late', 'enabled')
    await stopping

    assert.deepEqual(subjects(), before)
  })

  test('listens no more once it was told to end, however often', async () => {
    await Promise.all([webhook.stop(), webhook.stop()])

    await assert.rejects(call('GET', '/livez'), { code: 'ECONNREFUSED' })
  })
})
