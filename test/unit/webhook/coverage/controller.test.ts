import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { createLogger } from '../../../../lib/logger.ts'
import type { WorkloadEvent } from '../../../../webhook/admission/event.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { CoverageController } from '../../../../webhook/coverage/controller.ts'
import { NamespaceCache } from '../../../../webhook/namespaces.ts'
import { injected, pod, stored } from '../../../helpers/covered.ts'
import { clientOf } from '../../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../../helpers/kube-store.ts'
import { INSTALLATION, podTemplate } from '../../../helpers/situation.ts'
import { until } from '../../../helpers/until.ts'

const ZERO = { mirrored: 0, stale: 0, missed: 0, unwanted: 0, refused: 0 }
const DB = 'apps/v1 StatefulSet db'

suite('coverage as the webhook keeps it', { timeout: 30_000 }, () => {
  const ending = new AbortController()
  const events: WorkloadEvent[] = []
  let api: KubeStore
  let coverage: CoverageController
  let leading = new AbortController()
  let work: Promise<void>
  let caching: Promise<void>
  before(async () => {
    api = await startKubeStore()
    const client = clientOf(api)
    const logger = createLogger('test', 'silent')
    const namespaces = new NamespaceCache(client, logger)
    coverage = new CoverageController({
      client,
      logger,
      namespaces,
      directory: {
        ready: true,
        installation: () => INSTALLATION,
        limitsOf: () => ({ limitRanges: [], quotas: [] }),
        filterProblemOf: () => Promise.resolve(undefined),
      },
      events: { record: (event) => events.push(event) },
      timing: { settleMs: 10, intervalMs: 60_000, graceMs: 0, repeatMs: 3_600_000 },
    })
    namespaces.subscribe(() => {
      coverage.trigger()
    })
    putNamespace('shop', { 'podtap.dev/inject': 'enabled' })
    putNamespace('former', {})
    putNamespace('foreign', {})
    putWorkload(stored('StatefulSet/db', injected()))
    putPod(pod('db-0', injected(), { owner: DB }))
    putPod(pod('old', injected()), 'former')
    putPod(pod('other', podTemplate()), 'foreign')
    caching = namespaces.run(() => undefined, ending.signal)
    work = coverage.run(leading.signal)
  })
  after(async () => {
    leading.abort()
    ending.abort()
    await Promise.all([work, caching])
    await api.stop()
  })

  test('pods of enabled namespaces are counted, and of those where sidecars are left', async () => {
    await counted('shop', { ...ZERO, mirrored: 1 })
    await counted('former', { ...ZERO, unwanted: 1 })
    assert.deepEqual([...coverage.counts.keys()].sort(), ['former', 'shop'])
  })

  test('a namespace is left when its last sidecar is gone', async () => {
    api.remove('/api/v1/namespaces/former/pods/old')

    await until(
      () => JSON.stringify([...coverage.counts]),
      () => !coverage.counts.has('former'),
    )
  })

  test('a pod that was made without its sidecar is counted, and told on its workload', async () => {
    putWorkload(stored('StatefulSet/db', podTemplate()))
    putPod(pod('db-0', podTemplate(), { owner: DB }))

    await counted('shop', { ...ZERO, missed: 1 })
    const event = await until(
      () => 'an event',
      () => events.find(({ reason }) => reason === 'PodtapMissed'),
    )
    assert.deepEqual([event.kind, event.name, event.uid], ['StatefulSet', 'db', 'uid-db'])
  })

  test('other annotations of the namespace make its sidecars stale', async () => {
    putWorkload(stored('StatefulSet/db', injected()))
    putPod(pod('db-0', injected(), { owner: DB }))
    await counted('shop', { ...ZERO, mirrored: 1 })

    putNamespace('shop', { 'podtap.dev/inject': 'enabled', 'podtap.dev/vni': '9' })

    await counted('shop', { ...ZERO, stale: 1 })
  })

  test('a namespace that is enabled no more is followed until its sidecars are gone', async () => {
    putNamespace('shop', {})
    await counted('shop', { ...ZERO, unwanted: 1 })

    putPod(pod('db-0', podTemplate(), { owner: DB }))

    await until(
      () => 'shop is left',
      () => coverage.counts.size === 0,
    )
  })

  test('whoever leads no more counts nothing, and begins anew when it leads again', async () => {
    putNamespace('shop', { 'podtap.dev/inject': 'enabled' })
    await counted('shop', { ...ZERO, missed: 1 })

    leading.abort()
    await work
    assert.equal(coverage.counts.size, 0)

    leading = new AbortController()
    work = coverage.run(leading.signal)
    await counted('shop', { ...ZERO, missed: 1 })
  })

  function putNamespace(name: string, annotations: Record<string, string>): void {
    api.put(`/api/v1/namespaces/${name}`, { metadata: { name, annotations } })
  }

  function putWorkload(object: JsonObject): void {
    const { name } = object['metadata'] as { name: string }
    api.put(`/apis/apps/v1/namespaces/shop/statefulsets/${name}`, {
      ...object,
      metadata: { ...(object['metadata'] as object), name, generation: 1 },
      status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
    })
  }

  function putPod(object: JsonObject, namespace = 'shop'): void {
    const metadata = { ...(object['metadata'] as { name: string }), namespace }
    api.put(`/api/v1/namespaces/${namespace}/pods/${metadata.name}`, { ...object, metadata })
  }

  async function counted(namespace: string, expected: object): Promise<void> {
    const text = JSON.stringify(expected)
    await until(
      () => `${namespace} ${text}, now ${JSON.stringify(coverage.counts.get(namespace))}`,
      () => JSON.stringify(coverage.counts.get(namespace)) === text,
    )
  }
})
