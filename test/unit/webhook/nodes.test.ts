import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { createLogger } from '../../../lib/logger.ts'
import { knowsNativeSidecars, NodeCache } from '../../../webhook/nodes.ts'
import { clientOf } from '../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../helpers/kube-store.ts'
import { until } from '../../helpers/until.ts'

const versions: Readonly<Record<string, boolean>> = {
  'v1.29.0': true,
  'v1.36.3': true,
  '1.29': true,
  'v1.30.1-gke.100': true,
  'v1.30.0+k3s1': true,
  'v2.0.0': true,
  'v1.28.15': false,
  'v1.9.1': false,
  unknown: false,
  '': false,
}
for (const [version, expected] of Object.entries(versions)) {
  test(`a kubelet of version ${JSON.stringify(version)} runs native sidecars: ${expected}`, () => {
    assert.equal(knowsNativeSidecars(version), expected)
  })
}

suite('native sidecars are for clusters', { timeout: 20_000 }, () => {
  const ending = new AbortController()
  let api: KubeStore
  let nodes: NodeCache
  let work: Promise<void>
  const putNode = (name: string, kubeletVersion: string): void => {
    api.put(`/api/v1/nodes/${name}`, {
      metadata: { name },
      status: { nodeInfo: { kubeletVersion } },
    })
  }
  before(async () => {
    api = await startKubeStore()
    nodes = new NodeCache({ client: clientOf(api), logger: createLogger('test', 'silent') })
  })
  after(async () => {
    ending.abort()
    await work
    await api.stop()
  })

  test('that are known', () => {
    assert.deepEqual([nodes.tried, nodes.nativeSidecars], [false, false])
  })

  test('that have nodes', async () => {
    work = nodes.run(ending.signal)
    await until(
      () => 'the nodes are listed',
      () => nodes.tried,
    )

    assert.equal(nodes.nativeSidecars, false)
  })

  test('whose every kubelet knows them', async () => {
    putNode('a', 'v1.30.0')
    await until(
      () => 'a new node is seen',
      () => nodes.nativeSidecars,
    )
    putNode('b', 'v1.28.0')
    await until(
      () => 'an old node is seen',
      () => !nodes.nativeSidecars,
    )
  })
})
