import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { KubeClient } from '../../../lib/kube/client.ts'
import { putSensorAccess } from '../../../webhook/sensor-access.ts'
import { startKubeStore, type KubeStore } from '../../helpers/kube-store.ts'
import { PATHS } from '../../helpers/own-objects.ts'

const BINDING = { namespace: 'podtap-sensor', name: 'podtap-sensor-reader' }

suite('the subjects of the RoleBinding', () => {
  let api: KubeStore
  let client: KubeClient
  before(async () => {
    api = await startKubeStore()
    client = new KubeClient({ server: api.url, read: () => Promise.resolve({ tls: {} }) })
    api.put(PATHS.binding, { metadata: { name: BINDING.name }, roleRef: { name: BINDING.name } })
  })
  after(() => api.stop())

  test('become the service accounts of the enabled namespaces, and nothing else changes', async () => {
    const written = await putSensorAccess(client, BINDING, ['bank', 'shop'])

    assert.equal(written, true)
    const { roleRef, subjects } = api.get(PATHS.binding)!
    assert.deepEqual(roleRef, { name: BINDING.name })
    assert.deepEqual(subjects, [
      {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'Group',
        name: 'system:serviceaccounts:bank',
      },
      {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'Group',
        name: 'system:serviceaccounts:shop',
      },
    ])
  })

  test('are not written again where they are right', async () => {
    const before = api.writes.length

    assert.equal(await putSensorAccess(client, BINDING, ['bank', 'shop']), false)
    assert.equal(api.writes.length, before)
  })

  test('are none where nothing is enabled', async () => {
    await putSensorAccess(client, BINDING, [])

    assert.deepEqual(api.get(PATHS.binding)?.['subjects'], [])
  })

  test('of a RoleBinding that does not exist are an error', async () => {
    const nowhere = { ...BINDING, namespace: 'nowhere' }

    await assert.rejects(putSensorAccess(client, nowhere, ['shop']), { status: 404 })
  })
})
