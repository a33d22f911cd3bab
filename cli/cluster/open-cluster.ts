/** The cluster that a command works with: the way to it, and which of its namespaces is meant. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeProblem, type Environment } from '../../lib/config.ts'
import { AppError } from '../../lib/errors.ts'
import { KubeClient } from '../../lib/kube/client.ts'
import { serviceAccountCredentials, type KubeCredentials } from '../../lib/kube/credentials.ts'
import { parseNamespace, SERVICE_ACCOUNT_PATH } from '../../sidecar/contract.ts'
import type { CliContext } from '../context.ts'
import type { NamespaceOptions } from './cluster-options.ts'
import { readServerVersion, requireSupported, type ServerVersion } from './server-version.ts'

/** A cluster that answers. */
export interface ClusterAccess {
  readonly client: KubeClient
  /** Base address of its API. */
  readonly server: string
  /** The context of the kubeconfig; empty in a pod. */
  readonly context: string
  /** The namespace that is meant; undefined: all. */
  readonly namespace: string | undefined
}

/** One whose version is known and supported. */
export interface SupportedCluster extends ClusterAccess {
  readonly version: ServerVersion
}

/** How a cluster is reached, and which of its namespaces is meant where nothing is said. */
interface Way {
  readonly credentials: KubeCredentials
  readonly context: string
  readonly namespace: string
}

/**
 * The way to the cluster that the options, the variables KUBECONFIG and HOME, or, in a pod, the service
 * account lead to. Nothing is sent yet. Close its client in the end.
 * @throws AppError ERR_CONFIG for a wrong option, ERR_KUBE_AUTH where there is no way to any cluster.
 */
export async function findCluster(
  options: NamespaceOptions,
  context: CliContext,
): Promise<ClusterAccess> {
  checkNamespace(options)
  const way = await findWay(options, context.environment)
  return {
    client: new KubeClient(way.credentials),
    server: way.credentials.server,
    context: way.context,
    namespace: options.allNamespaces ? undefined : (options.namespace ?? way.namespace),
  }
}

/**
 * Runs `work` with the cluster that the options lead to, and closes the connections to it.
 * @throws as findCluster() does; KubeError where the cluster does not answer; AppError
 *   ERR_KUBE_VERSION where it is too old; what `work` throws.
 */
export async function withCluster<T>(
  options: NamespaceOptions,
  context: CliContext,
  work: (cluster: SupportedCluster) => Promise<T>,
): Promise<T> {
  const cluster = await findCluster(options, context)
  try {
    const version = await readServerVersion(cluster.client)
    requireSupported(version, cluster.server)
    return await work({ ...cluster, version })
  } finally {
    cluster.client.close()
  }
}

function checkNamespace({ namespace, allNamespaces }: NamespaceOptions): void {
  if (namespace === undefined) return
  if (allNamespaces) throw new AppError('ERR_CONFIG', '-n and -A exclude each other: give one')
  const read = parseNamespace(namespace)
  if ('value' in read) return
  throw new AppError('ERR_CONFIG', describeProblem('--namespace', read.expected, namespace))
}

async function findWay(options: NamespaceOptions, env: Environment): Promise<Way> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  const files = kubeconfigFiles(options, env)
  if (files.length === 0 && host !== undefined && options.context === undefined)
    return ofPod(host, port)
  if (files.length === 0) throw noKubeconfig(env)
  // Only who needs it pays for the package behind it: it takes a third of a second to load.
  const { openKubeconfig } = await import('../../lib/kube/kubeconfig.ts')
  return openKubeconfig(files, options.context)
}

/** As kubectl: files of KUBECONFIG that do not exist are passed over, one that was named is not. */
function kubeconfigFiles({ kubeconfig }: NamespaceOptions, env: Environment): readonly string[] {
  if (kubeconfig !== undefined) return [kubeconfig]
  const { KUBECONFIG: listed = '', HOME: home = '' } = env
  const files = listed === '' ? [join(home, '.kube', 'config')] : listed.split(':')
  return files.filter((file) => file !== '' && existsSync(file))
}

async function ofPod(host: string, port: string | undefined): Promise<Way> {
  const directory = SERVICE_ACCOUNT_PATH
  const credentials = serviceAccountCredentials({ directory, host, port })
  const namespace = await readFile(join(directory, 'namespace'), 'utf8').catch(() => 'default')
  return { credentials, context: '', namespace: namespace.trim() }
}

function noKubeconfig({ KUBECONFIG: listed }: Environment): AppError {
  const looked = listed ? `KUBECONFIG=${listed}` : '~/.kube/config'
  return new AppError(
    'ERR_KUBE_AUTH',
    `no cluster: ${looked} does not exist; name a kubeconfig with --kubeconfig or KUBECONFIG`,
  )
}
