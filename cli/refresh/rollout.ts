/** Restarting one workload, and waiting until that is done. */
import type { KubeClient } from '../../lib/kube/client.ts'
import { listObjects } from '../../lib/kube/list.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import { RESTARTED_AT } from '../../webhook/admission/consent.ts'
import { isObject, type JsonObject } from '../../webhook/admission/json.ts'
import { findKind, templateOf } from '../../webhook/admission/workload.ts'
import type { WorkloadCoverage } from '../../webhook/coverage/coverage.ts'
import { carriedBy, type Carried } from '../../webhook/coverage/judge.ts'
import { rolloutProgress, type RolloutProgress } from '../../webhook/coverage/rollout.ts'
import { listPath } from '../../webhook/coverage/survey.ts'

/**
 * Not kubectl's: the webhook tells `rollout undo` by it, and this is none.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers
 */
const FIELD_MANAGER = 'podtap'

/** How a restart is sent. */
export interface RestartOptions {
  /** The API server runs all admission, and stores nothing. */
  readonly dryRun: boolean
  readonly now: Date
}

/**
 * Restarts a workload as `kubectl rollout restart` does, or says what would come of it: the sidecar that
 * the webhook gives to its template. A CronJob's template changes in the same way.
 * @throws KubeError as KubeClient.request() does.
 */
export async function restart(
  client: KubeClient,
  { apiVersion, kind, namespace, name }: WorkloadCoverage,
  { dryRun, now }: RestartOptions,
): Promise<Carried> {
  const path = `${listPath(apiVersion, `${kind.toLowerCase()}s`, namespace)}/${name}`
  const row = findKind(apiVersion, kind)
  const at = now.toISOString().replace(/\.\d+Z$/, 'Z')
  const template = { metadata: { annotations: { [RESTARTED_AT]: at } } }
  const templatePath = row?.templatePath ?? []
  const body = templatePath.reduceRight<JsonObject>((inner, key) => ({ [key]: inner }), template)
  const answer = await client.request(path, {
    method: 'PATCH',
    contentType: 'application/strategic-merge-patch+json',
    query: { fieldManager: FIELD_MANAGER, dryRun: dryRun ? 'All' : undefined },
    body,
  })
  return carriedBy((row && templateOf(row, answer)) ?? {})
}

/** Told about a rollout as it goes on. */
export type ProgressListener = (progress: RolloutProgress) => void

/**
 * Resolves with the workload once its rollout is complete, or with undefined when `signal` aborts before.
 * `onProgress` hears of every change.
 */
export async function rolloutComplete(
  client: KubeClient,
  { apiVersion, kind, namespace, name }: WorkloadCoverage,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress?: ProgressListener },
): Promise<JsonObject | undefined> {
  return watchUntil(client, listPath(apiVersion, `${kind.toLowerCase()}s`, namespace), {
    fieldSelector: `metadata.name=${name}`,
    signal,
    find: ([object]) => {
      // Lists leave the kind of their items out.
      const workload = object && { ...object, apiVersion, kind }
      if (workload === undefined) return undefined
      const progress = rolloutProgress(workload)
      onProgress?.(progress)
      return progress.complete ? workload : undefined
    },
  })
}

/** The PodDisruptionBudgets of a namespace. */
export async function listBudgets(
  client: KubeClient,
  namespace: string,
): Promise<readonly JsonObject[]> {
  const path = listPath('policy/v1', 'poddisruptionbudgets', namespace)
  const target = { path, select: (object: JsonObject): JsonObject => object }
  return [...(await listObjects(client, target, { pageSize: 500 })).items.values()]
}

/** Resolves once `permits` holds for the budgets of a namespace; with false when `signal` aborts before. */
export async function budgetsPermit(
  client: KubeClient,
  namespace: string,
  options: {
    readonly signal: AbortSignal
    readonly permits: (budgets: readonly JsonObject[]) => boolean
  },
): Promise<boolean> {
  const path = listPath('policy/v1', 'poddisruptionbudgets', namespace)
  const { signal } = options
  const find = (budgets: readonly JsonObject[]): true | undefined =>
    options.permits(budgets) || undefined
  return (await watchUntil(client, path, { signal, find })) === true
}

interface Search<T> {
  readonly fieldSelector?: string
  readonly signal: AbortSignal
  /** Asked after each change; undefined: not yet. */
  readonly find: (objects: readonly JsonObject[]) => T | undefined
}

/** What `find` finds in a list that is watched; undefined when `signal` aborts before. */
async function watchUntil<T>(
  client: KubeClient,
  path: string,
  { fieldSelector, signal, find }: Search<T>,
): Promise<T | undefined> {
  const done = new AbortController()
  let found: T | undefined
  const selector = fieldSelector === undefined ? {} : { fieldSelector }
  const target = { path, ...selector, select: (object: JsonObject): JsonObject => object }
  await watchObjects(client, target, {
    signal: AbortSignal.any([signal, done.signal]),
    listener: {
      onChange: (items) => {
        found ??= find([...items.values()].filter(isObject))
        if (found !== undefined) done.abort()
      },
      onError: () => undefined,
      onRecovered: () => undefined,
    },
  })
  return found
}
