/**
 * Credentials from a kubeconfig, for use outside a cluster. This is the only file that loads
 * @kubernetes/client-node (some 70 MB of resident memory): the sidecar must not import it.
 */
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { AppError, messageOf } from '../errors.ts'
import type { KubeCredentials, KubeSecrets, KubeTls } from './credentials.ts'

/**
 * The credentials of the current context of the kubeconfig file at `path`, or of `context`. Client
 * certificates, tokens and exec plugins work; the latter are run again when their token expires.
 * @throws AppError ERR_KUBE_AUTH when the file cannot be read or has no such context.
 */
export function kubeconfigCredentials(path: string, context?: string): KubeCredentials {
  const config = loadKubeconfig(path)
  if (context !== undefined) config.setCurrentContext(context)
  const cluster = config.getCurrentCluster()
  if (!cluster || !config.getCurrentUser()) {
    const wanted = context ?? config.getCurrentContext()
    throw new AppError(
      'ERR_KUBE_AUTH',
      `${path}: expected a cluster and a user for the context "${wanted}"; ` +
        'choose another with `kubectl config use-context`',
    )
  }
  return { server: cluster.server.replace(/\/+$/, ''), read: () => readSecrets(config, path) }
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
