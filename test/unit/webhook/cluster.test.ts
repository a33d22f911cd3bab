import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { createLogger } from '../../../lib/logger.ts'
import type { JsonObject } from '../../../webhook/admission/json.ts'
import type { NamespaceFacts } from '../../../webhook/admission/situation.ts'
import { Cluster } from '../../../webhook/cluster.ts'
import { clientOf } from '../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../helpers/kube-store.ts'
import {
  deployment,
  enabledNamespace,
  INSTALLATION,
  limitRangeOf,
  podTemplate,
  workload,
} from '../../helpers/situation.ts'
import { until } from '../../helpers/until.ts'

const off: NamespaceFacts = { name: 'shop', annotations: {}, labels: {} }
const filtered = deployment(podTemplate({ 'podtap.dev/filter': 'porst 80' }))
const limitRange = limitRangeOf({ type: 'Container', max: { cpu: '1' } })
const owned = (name: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  ...podTemplate(),
  metadata: {
    generateName: 'web-',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, controller: true }],
  },
})

suite('what is known of the cluster', { timeout: 20_000 }, () => {
  const ending = new AbortController()
  let api: KubeStore
  let cluster: Cluster
  let work: Promise<void>
  before(async () => {
    api = await startKubeStore()
    api.put('/api/v1/limitranges/bounds', limitRange as never)
    api.put('/api/v1/nodes/a', {
      metadata: { name: 'a' },
      status: { nodeInfo: { kubeletVersion: 'v1.36.3' } },
    })
    api.put('/apis/apps/v1/namespaces/shop/replicasets/bare', { metadata: { name: 'bare' } })
    const logger = createLogger('test', 'silent')
    const nativeSidecar = 'auto'
    cluster = new Cluster({
      client: clientOf(api),
      logger,
      nativeSidecar,
      installation: INSTALLATION,
    })
  })
  after(async () => {
    ending.abort()
    await work
    await api.stop()
  })

  test('is not ready before the nodes were listed; the sidecar would be a classic one', () => {
    assert.equal(cluster.ready, false)
    assert.equal(cluster.installation().sidecar.native, false)
  })

  test('makes the sidecar native where every node can run it', async () => {
    work = cluster.run(ending.signal)
    await until(
      () => 'the nodes are listed',
      () => cluster.ready,
    )

    assert.equal(cluster.installation().sidecar.native, true)
  })

  test('holds limits and the problem of a filter, where podtap is enabled', async () => {
    const subject = workload(filtered)
    await until(
      () => 'the limits are listed',
      async () => (await cluster.factsOf(subject, enabledNamespace())).limits?.limitRanges.length,
    )

    const { limits, filterProblem, templateHandled } = await cluster.factsOf(
      subject,
      enabledNamespace(),
    )

    assert.deepEqual(limits?.quotas, [])
    assert.equal(limits.limitRanges.length, 1)
    assert.match(filterProblem ?? '', /^filter "porst 80": /)
    assert.equal(templateHandled, undefined)
  })

  test('is not asked for where podtap is not enabled', async () => {
    assert.deepEqual(await cluster.factsOf(workload(filtered), off), { revisions: undefined })
  })

  test('tells pods of a template that nobody sees to', async () => {
    const { templateHandled } = await cluster.factsOf(workload(owned('bare')), enabledNamespace())

    assert.equal(templateHandled, false)
  })

  test('leaves out what cannot be read', async () => {
    const { templateHandled } = await cluster.factsOf(workload(owned('gone')), enabledNamespace())

    assert.equal(templateHandled, undefined)
  })

  test('knows the revisions of what is updated, and only of that', async () => {
    const change = { uid: 'd1', fieldManager: '', isManifest: false }
    await until(
      () => 'the revisions are listed',
      async () => (await cluster.factsOf({ ...workload(filtered), change }, off)).revisions,
    )

    assert.deepEqual(await cluster.factsOf({ ...workload(filtered), change }, off), {
      revisions: [],
    })
  })
})
