import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isIPv6 } from 'node:net'
import { AppError, messageOf } from '../errors.ts'

/** What one request needs to be trusted and to trust; all parts as node:https takes them. */
export interface KubeSecrets {
  /** Value of the Authorization header. */
  readonly authorization?: string | undefined
  readonly tls: KubeTls
}

/** The TLS options of node:https that credentials may set. */
export interface KubeTls {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

/** Where the API is and how to prove who we are. */
export interface KubeCredentials {
  /** Base address, without a trailing slash: `https://[fd00::1]:443`. */
  readonly server: string
  /**
   * The secrets of now; asked for before every request.
   * @throws AppError ERR_KUBE_AUTH when they cannot be read.
   */
  read(): Promise<KubeSecrets>
}

/** A service account as it is mounted into a pod. */
export interface ServiceAccount {
  /** The directory with `token` and `ca.crt`. */
  readonly directory: string
  /** Value of KUBERNETES_SERVICE_HOST: a name or an address, IPv6 without brackets. */
  readonly host: string | undefined
  /** Value of KUBERNETES_SERVICE_PORT. */
  readonly port: string | undefined
}

/**
 * The credentials of a pod's service account. Token and CA are read anew for every request: the
 * kubelet replaces a projected token when 80 % of its life has passed, and the CA's ConfigMap when
 * the cluster's CA is rotated; two small reads per request are cheaper than knowing when.
 * @throws AppError ERR_KUBE_AUTH when host or port are missing: this process is not in a pod; the message
 * ends with `remedy`, what to do then.
 */
export function serviceAccountCredentials(
  account: ServiceAccount,
  remedy = 'run it in a pod',
): KubeCredentials {
  const { directory, host, port } = account
  if (!host || !port) {
    throw new AppError(
      'ERR_KUBE_AUTH',
      'no Kubernetes API to talk to: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not ' +
        `set, as they are in every pod; ${remedy}`,
    )
  }
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return { server, read: () => readServiceAccount(directory) }
}

async function readServiceAccount(directory: string): Promise<KubeSecrets> {
  const [token, ca] = await Promise.all([
    readSecret(join(directory, 'token')),
    readSecret(join(directory, 'ca.crt')),
  ])
  return { authorization: `Bearer ${token}`, tls: { ca } }
}

async function readSecret(path: string): Promise<string> {
  const content = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new AppError('ERR_KUBE_AUTH', `cannot read ${path}: ${messageOf(error)}`)
  })
  if (content.trim() === '') throw new AppError('ERR_KUBE_AUTH', `${path} is empty`)
  return content.trim()
}
