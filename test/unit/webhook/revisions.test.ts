import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { createLogger } from '../../../lib/logger.ts'
import { revisionOf } from '../../../webhook/admission/consent.ts'
import { inject } from '../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../webhook/admission/json.ts'
import type { Revision } from '../../../webhook/admission/situation.ts'
import { RevisionCache } from '../../../webhook/revisions.ts'
import { clientOf } from '../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore, type StoredObject } from '../../helpers/kube-store.ts'
import { INSTALLATION, podTemplate } from '../../helpers/situation.ts'
import { until } from '../../helpers/until.ts'

const plain = podTemplate()
const injected = inject(podTemplate({ a: 'b' }), INSTALLATION.sidecar)
const metadata = (name: string, uid: string): StoredObject['metadata'] => ({
  name,
  namespace: 'shop',
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', uid, controller: true }],
})
const replicaSet = (name: string, uid: string, template: JsonObject): StoredObject => {
  return { metadata: metadata(name, uid), spec: { template } }
}
const controllerRevision = (name: string, uid: string, template: JsonObject): StoredObject => {
  return { metadata: metadata(name, uid), data: { spec: { template } } }
}
suite('the cache of revisions', { timeout: 20_000 }, () => {
  const ending = new AbortController()
  let api: KubeStore
  let cache: RevisionCache
  let work: Promise<void>
  before(async () => {
    api = await startKubeStore()
    const put = (kind: string, object: StoredObject): void => {
      api.put(`/apis/apps/v1/${kind}/${object.metadata.name}`, object)
    }
    put('replicasets', replicaSet('web-1', 'd1', plain))
    put('replicasets', replicaSet('web-2', 'd1', injected))
    put('replicasets', replicaSet('other', 'd2', injected))
    put('replicasets', { metadata: { name: 'bare' }, spec: { template: plain } })
    put('controllerrevisions', controllerRevision('db-1', 's1', { ...plain, $patch: 'replace' }))
    cache = new RevisionCache({ client: clientOf(api), logger: createLogger('test', 'silent') })
  })
  after(async () => {
    ending.abort()
    await work
    await api.stop()
  })

  /** Without the owner, which everybody asked for. */
  const known = (uid: string): readonly Revision[] | undefined =>
    cache.revisionsOf(uid)?.map(({ fingerprint, hasSidecar, restartedAt }) => ({
      fingerprint,
      hasSidecar,
      restartedAt,
    }))

  test('says nothing before everything was listed', async () => {
    assert.equal(cache.revisionsOf('d1'), undefined)

    work = cache.run(ending.signal)
    await until(
      () => 'the cache is filled',
      () => cache.revisionsOf('d1'),
    )
  })

  test('has the revisions of each owner, with and without the sidecar', () => {
    assert.deepEqual(known('d1'), [revisionOf(plain), revisionOf(injected)])
    assert.deepEqual(known('s1'), [revisionOf(plain)])
    assert.deepEqual(cache.revisionsOf('nobody'), [])
  })

  test('hears of new ones', async () => {
    api.put('/apis/apps/v1/replicasets/web-3', replicaSet('web-3', 'd2', plain))
    await until(
      () => 'the new revision is seen',
      () => cache.revisionsOf('d2')?.length === 2,
    )

    assert.deepEqual(known('d2'), [revisionOf(injected), revisionOf(plain)])
  })

  test('forget owners whose revisions are gone, however many came and went', async () => {
    for (let number = 0; number < 2100; number += 1) {
      const path = `/apis/apps/v1/replicasets/short-${number}`
      api.put(path, replicaSet(`short-${number}`, `gone-${number}`, plain))
      api.remove(path)
    }
    api.put('/apis/apps/v1/replicasets/last', replicaSet('last', 'd9', plain))
    await until(
      () => 'the last revision is seen',
      () => cache.revisionsOf('d9')?.length === 1,
    )

    assert.deepEqual(known('gone-2099'), [])
    assert.deepEqual(known('d1'), [revisionOf(plain), revisionOf(injected)])
  })
})
