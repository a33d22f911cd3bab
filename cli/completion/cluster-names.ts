/** Names of a cluster for whoever presses Tab: quickly or not at all. */
import { listObjects } from '../../lib/kube/list.ts'
import type { KubeObject } from '../../lib/kube/objects.ts'
import { listPath } from '../../webhook/coverage/survey.ts'
import type { NamespaceOptions } from '../cluster/cluster-options.ts'
import { findCluster, type ClusterAccess } from '../cluster/open-cluster.ts'
import type { CliContext } from '../context.ts'

/** Nobody waits longer for a completion, in milliseconds. */
const PATIENCE_MS = 1000

const PAGE_SIZE = 500

/** The kinds by which workloads are named, and where they are listed. */
const WORKLOADS = [
  { kind: 'deployment', apiVersion: 'apps/v1' },
  { kind: 'statefulset', apiVersion: 'apps/v1' },
  { kind: 'daemonset', apiVersion: 'apps/v1' },
  { kind: 'cronjob', apiVersion: 'batch/v1' },
] as const

/** The names of what is asked for; none where the cluster does not answer at once. */
export async function clusterNames(
  what: 'namespaces' | 'workloads',
  options: NamespaceOptions,
  context: CliContext,
): Promise<readonly string[]> {
  try {
    const cluster = await findCluster(options, context)
    try {
      return what === 'namespaces'
        ? await list(cluster, '/api/v1/namespaces')
        : await workloads(cluster)
    } finally {
      cluster.client.close()
    }
  } catch {
    // A completion has no place for messages; the command itself will say what is wrong.
    return []
  }
}

async function workloads(cluster: ClusterAccess): Promise<readonly string[]> {
  const lists = WORKLOADS.map(async ({ kind, apiVersion }) => {
    const path = listPath(apiVersion, `${kind}s`, cluster.namespace ?? 'default')
    return (await list(cluster, path)).map((name) => `${kind}/${name}`)
  })
  return (await Promise.all(lists)).flat()
}

async function list({ client }: ClusterAccess, path: string): Promise<readonly string[]> {
  const select = ({ metadata }: KubeObject): string => metadata?.name ?? ''
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const { items } = await listObjects(client, { path, select }, { pageSize: PAGE_SIZE, signal })
  return [...items.values()]
}
