import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { textAt } from '../../webhook/admission/json.ts'

/**
 * The oldest API server that podtap works with, as minor version of Kubernetes 1: it is the first that
 * has matchConditions of webhooks switched on (KEP-3716, beta in 1.28).
 */
export const MINIMUM_MINOR = 28

/** The version of an API server. */
export interface ServerVersion {
  readonly major: number
  readonly minor: number
  /** As it says itself: `v1.34.2-gke.100`. */
  readonly text: string
}

/**
 * The version of the API server.
 * @throws KubeError as KubeClient.request() does.
 */
export async function readServerVersion(client: KubeClient): Promise<ServerVersion> {
  return parseServerVersion(await client.request('/version'))
}

/** Reads what /version answers; a minor version can have a suffix (`28+`). */
export function parseServerVersion(answer: unknown): ServerVersion {
  const major = Number.parseInt(textAt(answer, 'major'), 10)
  const minor = Number.parseInt(textAt(answer, 'minor'), 10)
  return { major, minor, text: textAt(answer, 'gitVersion') || `v${major}.${minor}` }
}

/** Whether podtap works with such an API server; one that does not say is not refused. */
export function isSupported({ major, minor }: ServerVersion): boolean {
  return Number.isNaN(major + minor) || major > 1 || minor >= MINIMUM_MINOR
}

/** @throws AppError ERR_KUBE_VERSION for an API server that is too old. */
export function requireSupported(version: ServerVersion, server: string): void {
  if (isSupported(version)) return
  throw new AppError(
    'ERR_KUBE_VERSION',
    `the API server at ${server} is ${version.text}: podtap needs Kubernetes 1.${MINIMUM_MINOR} ` +
      'or newer; upgrade the cluster, or choose another one with --context',
  )
}
