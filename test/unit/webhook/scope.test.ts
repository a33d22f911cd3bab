import assert from 'node:assert/strict'
import { after, before, beforeEach, suite, test } from 'node:test'
import type { KubeClient } from '../../../lib/kube/client.ts'
import { arrayAt, valueAt } from '../../../webhook/admission/json.ts'
import { putScope } from '../../../webhook/scope.ts'
import { clientOf } from '../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../helpers/kube-store.ts'
import { OWN, PATHS } from '../../helpers/own-objects.ts'

const NAME = 'kubernetes.io/metadata.name'
const excluded = { key: NAME, operator: 'NotIn', values: ['kube-system', 'podtap'] }
const foreign = { key: 'control-plane', operator: 'DoesNotExist' }
const only = (...values: string[]): object => ({ key: NAME, operator: 'In', values })

suite('SCOPE=enabled', () => {
  let api: KubeStore
  let client: KubeClient
  before(async () => {
    api = await startKubeStore()
    client = clientOf(api)
  })
  beforeEach(() => {
    const clientConfig = { service: { namespace: 'podtap', name: 'podtap-webhook' } }
    const namespaceSelector = { matchExpressions: [excluded, foreign] }
    api.put(PATHS.configuration, {
      metadata: { name: 'podtap', annotations: { team: 'net' } },
      webhooks: [
        { name: 'other.example.org', clientConfig: {}, namespaceSelector },
        { name: 'inject.podtap.dev', clientConfig, namespaceSelector },
      ],
    })
  })
  after(() => api.stop())

  const expressions = (index: number): readonly unknown[] => {
    const webhooks = arrayAt(api.get(PATHS.configuration), 'webhooks')
    return arrayAt(webhooks[index], 'namespaceSelector', 'matchExpressions')
  }
  const annotations = (): unknown =>
    valueAt(api.get(PATHS.configuration), 'metadata', 'annotations')

  test('adds the enabled namespaces to our selector, beside what others wrote there', async () => {
    assert.equal(await putScope(client, OWN, ['bank', 'shop']), true)

    assert.deepEqual(expressions(1), [excluded, foreign, only('bank', 'shop')])
    assert.deepEqual(expressions(0), [excluded, foreign])
    assert.deepEqual(annotations(), { team: 'net', 'podtap.dev/scope': 'enabled' })
  })

  test('follows them, and writes nothing where they are the same', async () => {
    await putScope(client, OWN, ['bank'])

    assert.equal(await putScope(client, OWN, ['bank']), false)
    assert.equal(await putScope(client, OWN, ['shop']), true)
    assert.deepEqual(expressions(1), [excluded, foreign, only('shop')])
  })

  test('matches nothing while no namespace is enabled', async () => {
    await putScope(client, OWN, [])

    assert.deepEqual(expressions(1), [excluded, foreign, only('podtap')])
  })

  test('is taken back by SCOPE=all, to the last letter', async () => {
    const before = api.get(PATHS.configuration)?.['webhooks']
    await putScope(client, OWN, ['shop'])

    assert.equal(await putScope(client, OWN, undefined), true)
    assert.deepEqual(api.get(PATHS.configuration)?.['webhooks'], before)
    assert.deepEqual(annotations(), { team: 'net' })
  })

  test('is not taken back where it was not written here', async () => {
    const webhooks = arrayAt(api.get(PATHS.configuration), 'webhooks')
    const narrowed = webhooks.map((webhook) => ({
      ...(webhook as object),
      namespaceSelector: { matchExpressions: [only('shop')] },
    }))
    api.put(PATHS.configuration, { metadata: { name: 'podtap' }, webhooks: narrowed })

    assert.equal(await putScope(client, OWN, undefined), false)
    assert.deepEqual(expressions(1), [only('shop')])
  })
})
