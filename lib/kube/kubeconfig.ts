/**
 * Credentials from a kubeconfig, for use outside a cluster. This is the only file that loads
 * @kubernetes/client-node (some 70 MB of resident memory): the sidecar must not import it.
 */
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { describeProblem } from '../config.ts'
import { AppError, messageOf } from '../errors.ts'
import type { KubeCredentials, KubeSecrets, KubeTls } from './credentials.ts'

/** A context of a kubeconfig. */
export interface KubeContext {
  readonly context: string
  readonly credentials: KubeCredentials
  /** The namespace of the context; `default` where it names none. */
  readonly namespace: string
}

/**
 * The credentials of the current context of the kubeconfig file at `path`, or of `context`. Client
 * certificates, tokens and exec plugins work; the latter are run again when their token expires.
 * @throws AppError ERR_KUBE_AUTH when the file cannot be read or has no such context.
 */
export function kubeconfigCredentials(path: string, context?: string): KubeCredentials {
  const config = loadKubeconfig(path)
  if (context !== undefined) config.setCurrentContext(context)
  return credentialsOf(config, path)
}

/**
 * The current context of the kubeconfig files at `paths` (at least one), or `context`. As with kubectl,
 * the first file that says something about a name wins.
 * @throws AppError ERR_KUBE_AUTH when a file cannot be read or the context is not complete; ERR_CONFIG
 *   when there is no `context`.
 */
export function openKubeconfig(paths: readonly string[], context?: string): KubeContext {
  const config = mergeKubeconfigs(paths.map(loadKubeconfig))
  const names = config.getContexts().map(({ name }) => name)
  if (context !== undefined) {
    if (!names.includes(context)) {
      throw new AppError('ERR_CONFIG', describeProblem('--context', oneOfThese(names), context))
    }
    config.setCurrentContext(context)
  }
  const current = config.getCurrentContext()
  return {
    context: current,
    credentials: credentialsOf(config, paths.join(':')),
    namespace: config.getContextObject(current)?.namespace ?? 'default',
  }
}

function oneOfThese(names: readonly string[]): string {
  return names.length === 0 ? 'a kubeconfig with contexts' : `one of ${names.join(', ')}`
}

function credentialsOf(config: KubeConfig, path: string): KubeCredentials {
  const cluster = config.getCurrentCluster()
  if (!cluster || !config.getCurrentUser()) {
    throw new AppError(
      'ERR_KUBE_AUTH',
      `${path}: expected a cluster and a user for the context "${config.getCurrentContext()}"; ` +
        'choose another with `kubectl config use-context`',
    )
  }
  return { server: cluster.server.replace(/\/+$/, ''), read: () => readSecrets(config, path) }
}

/** KubeConfig's own merge throws on names that two files have, and takes the last current context. */
function mergeKubeconfigs(configs: readonly KubeConfig[]): KubeConfig {
  const [merged = new KubeConfig(), ...others] = configs
  for (const other of others) {
    if (!merged.getCurrentContext()) merged.setCurrentContext(other.getCurrentContext())
    merged.clusters = merge(merged.getClusters(), other.getClusters())
    merged.users = merge(merged.getUsers(), other.getUsers())
    merged.contexts = merge(merged.getContexts(), other.getContexts())
  }
  return merged
}

function merge<T extends { readonly name: string }>(first: readonly T[], more: readonly T[]): T[] {
  const names = new Set(first.map(({ name }) => name))
  return [...first, ...more.filter(({ name }) => !names.has(name))]
}

function loadKubeconfig(path: string): KubeConfig {
  const config = new KubeConfig()
  try {
    config.loadFromFile(path)
    return config
  } catch (error) {
    throw new AppError('ERR_KUBE_AUTH', `cannot read the kubeconfig ${path}: ${messageOf(error)}`)
  }
}

async function readSecrets(config: KubeConfig, path: string): Promise<KubeSecrets> {
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options).catch((error: unknown) => {
    throw new AppError('ERR_KUBE_AUTH', `credentials of ${path}: ${messageOf(error)}`)
  })
  return { authorization: authorizationOf(options), tls: tlsOf(options) }
}

function authorizationOf(options: RequestOptions): string | undefined {
  if (typeof options.auth === 'string') {
    return `Basic ${Buffer.from(options.auth).toString('base64')}`
  }
  const headers = (options.headers ?? {}) as Readonly<Record<string, unknown>>
  return typeof headers.Authorization === 'string' ? headers.Authorization : undefined
}

function tlsOf(options: RequestOptions): KubeTls {
  const { ca, cert, key, servername, rejectUnauthorized } = options
  const set = { ca, cert, key, servername, rejectUnauthorized }
  return Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined))
}
