import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { JsonObject } from '../../../webhook/admission/json.ts'
import { OwnerReader } from '../../../webhook/owners.ts'
import { clientOf } from '../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../helpers/kube-store.ts'

const reference = (apiVersion: string, kind: string, name: string): JsonObject => {
  return { apiVersion, kind, name, uid: `uid-${kind}-${name}`, controller: true }
}
const apps = (kind: string, name: string): JsonObject => reference('apps/v1', kind, name)
const batch = (kind: string, name: string): JsonObject => reference('batch/v1', kind, name)

suite('a pod’s template is seen to', () => {
  let api: KubeStore
  before(async () => {
    api = await startKubeStore()
    const put = (group: string, path: string, owner?: JsonObject): void => {
      const name = path.slice(path.indexOf('/') + 1)
      const ownerReferences = owner === undefined ? [] : [owner]
      api.put(`/apis/${group}/v1/namespaces/shop/${path}`, { metadata: { name, ownerReferences } })
    }
    put('apps', 'deployments/web')
    put('apps', 'replicasets/web-1', apps('Deployment', 'web'))
    put('apps', 'deployments/kafka', reference('kafka.example.org/v1', 'Kafka', 'k'))
    put('apps', 'replicasets/kafka-1', apps('Deployment', 'kafka'))
    put('apps', 'replicasets/bare')
    put('apps', 'replicasets/canary', reference('argoproj.io/v1alpha1', 'Rollout', 'canary'))
    put('apps', 'statefulsets/db')
    put('apps', 'statefulsets/zk', reference('kafka.example.org/v1', 'Kafka', 'k'))
    put('batch', 'jobs/once')
    put('batch', 'cronjobs/nightly')
    put('batch', 'jobs/nightly-1', batch('CronJob', 'nightly'))
    put('batch', 'cronjobs/backup', reference('db.example.org/v1', 'Database', 'db'))
    put('batch', 'jobs/backup-1', batch('CronJob', 'backup'))
  })
  after(() => api.stop())

  // prettier-ignore
  const cases: readonly (readonly [title: string, owner: JsonObject, expected: boolean])[] = [
    ['of a Deployment', apps('ReplicaSet', 'web-1'), true],
    ['of an operator’s Deployment', apps('ReplicaSet', 'kafka-1'), false],
    ['of a bare ReplicaSet', apps('ReplicaSet', 'bare'), false],
    ['of a Rollout of Argo', apps('ReplicaSet', 'canary'), false],
    ['of a StatefulSet', apps('StatefulSet', 'db'), true],
    ['of an operator’s StatefulSet', apps('StatefulSet', 'zk'), false],
    ['of a Job', batch('Job', 'once'), true],
    ['of a CronJob', batch('Job', 'nightly-1'), true],
    ['of an operator’s CronJob', batch('Job', 'backup-1'), false],
  ]
  for (const [title, owner, expected] of cases) {
    test(`${title}: ${expected}`, async () => {
      assert.equal(await new OwnerReader(clientOf(api)).isTemplateHandled('shop', owner), expected)
    })
  }

  test('is asked for once for all pods of an owner', async () => {
    const reader = new OwnerReader(clientOf(api))
    await reader.isTemplateHandled('shop', apps('ReplicaSet', 'web-1'))

    api.fail(500)
    const again = await reader.isTemplateHandled('shop', apps('ReplicaSet', 'web-1'))
    api.fail(undefined)

    assert.equal(again, true)
  })

  test('is not guessed where the owner cannot be read', async () => {
    const reader = new OwnerReader(clientOf(api))

    await assert.rejects(reader.isTemplateHandled('shop', apps('ReplicaSet', 'gone')), {
      code: 'ERR_KUBE_REQUEST',
    })
  })
})
