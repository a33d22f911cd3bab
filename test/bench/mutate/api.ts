/** The API server that the webhook becomes ready beside: that of the unit tests, holding a large cluster. */
import { startKubeStore, type KubeStore, type StoredObject } from '../../helpers/kube-store.ts'
import { PATHS } from '../../helpers/own-objects.ts'
import type { JsonObject } from '../../../webhook/admission/json.ts'
import { deploymentWith } from './reviews.ts'

/** How large the cluster is. */
export const NAMESPACES = 1_000

/** Stored revisions in it, ten of each Deployment. */
export const REVISIONS = 10_000

/** Starts it on a free port of the loopback interface. */
export async function startBenchApi(): Promise<KubeStore> {
  const store = await startKubeStore()
  for (const [path, object] of [...ownObjects(), ...clusterObjects()]) store.put(path, object)
  return store
}

type Placed = [path: string, object: StoredObject]

function ownObjects(): Placed[] {
  const clientConfig = { service: { namespace: 'podtap', name: 'podtap-webhook' } }
  const webhooks = [{ name: 'inject.podtap.dev', clientConfig }]
  return [
    [PATHS.configuration, { metadata: { name: 'podtap' }, webhooks }],
    [PATHS.binding, { metadata: { name: 'podtap-sensor-reader' } }],
  ]
}

function clusterObjects(): Placed[] {
  const nodeInfo = { kubeletVersion: 'v1.36.3' }
  const namespaces = Array.from({ length: NAMESPACES }, (_, index) => namespaceAt(index))
  const revisions = Array.from({ length: REVISIONS }, (_, index) => replicaSetAt(index))
  return [
    ...namespaces.map((each): Placed => [`/api/v1/namespaces/${each.metadata.name}`, each]),
    ...revisions.map((each): Placed => [pathOfReplicaSet(each), each]),
    ['/api/v1/nodes/node-a', { metadata: { name: 'node-a' }, status: { nodeInfo } }],
  ]
}

function pathOfReplicaSet({ metadata }: StoredObject): string {
  return `/apis/apps/v1/namespaces/${String(metadata['namespace'])}/replicasets/${metadata.name}`
}

/** Every other one is enabled. */
function namespaceAt(index: number): StoredObject {
  const annotations = index % 2 === 0 ? { 'podtap.dev/inject': 'enabled' } : {}
  return { metadata: { name: `namespace-${index}`, annotations } }
}

function replicaSetAt(index: number): StoredObject {
  const deployment = Math.floor(index / 10)
  const { spec } = deploymentWith(index % 10) as { spec: JsonObject }
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', controller: true }
  const name = deployment === 500 ? 'checkout' : `checkout-${deployment}`
  return {
    metadata: {
      name: `${name}-${index % 10}`,
      namespace: `namespace-${deployment % NAMESPACES}`,
      uid: `replicaset-${index}`,
      annotations: { 'deployment.kubernetes.io/revision': `${index % 10}` },
      ownerReferences: [{ ...owner, name, uid: `deployment-${deployment}` }],
    },
    spec,
  }
}
