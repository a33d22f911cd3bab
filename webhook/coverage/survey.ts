/** Reading what coverage is told from. */
import type { KubeClient } from '../../lib/kube/client.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { listObjects } from '../../lib/kube/list.ts'
import type { KubeObject } from '../../lib/kube/objects.ts'
import { textAt, type JsonObject } from '../admission/json.ts'
import type { NamespaceLimits } from '../admission/limits.ts'
import { isEnabled, namespaceFactsOf } from '../admission/namespace-facts.ts'
import type { Installation } from '../admission/settings.ts'
import type { NamespaceFacts } from '../admission/situation.ts'
import { POD, WORKLOAD_KINDS } from '../admission/workload.ts'
import { coverageOf, filtersIn, type WorkloadCoverage } from './coverage.ts'
import { essentialWorkload } from './essentials.ts'
import type { NamespaceObjects } from './groups.ts'
import { podFactsOf, type PodFacts } from './pod-facts.ts'

/** Where to look. */
export interface SurveyScope {
  /** One namespace; undefined: all that are enabled, and all in which a sidecar is left. */
  readonly namespace?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a survey needs to know beside the cluster. */
export interface SurveyOptions extends SurveyScope {
  readonly installation: Installation
  /** What is wrong with a pcap-filter expression, or undefined. */
  filterProblemOf(filter: string): Promise<string | undefined>
  /** Shown every pod as the API has it, for those who want to know more of pods than coverage does. */
  readonly seePod?: (pod: JsonObject) => void
  /** Which namespaces are looked into besides; asked when all pods were shown. */
  readonly alsoIn?: (namespace: string) => boolean
}

/** How a namespace stands. */
export interface NamespaceCoverage {
  readonly namespace: NamespaceFacts
  readonly enabled: boolean
  readonly workloads: readonly WorkloadCoverage[]
}

/** Objects per answer: a few megabytes. */
const PAGE_SIZE = 500

/**
 * How namespaces stand now, by their names. It needs the rights to list namespaces (or to get the one),
 * pods, and the workloads of apps/v1 and batch/v1; without those to list LimitRanges and ResourceQuotas
 * nothing is refused for them.
 * @throws KubeError as KubeClient.request() does; status 404 where there is no such namespace.
 */
export async function surveyCoverage(
  client: KubeClient,
  options: SurveyOptions,
): Promise<readonly NamespaceCoverage[]> {
  const [namespaces, workloads, pods, limitRanges, quotas] = await Promise.all([
    listNamespaces(client, options),
    listWorkloads(client, options),
    listPods(client, options),
    listLimits(client, 'limitranges', options),
    listLimits(client, 'resourcequotas', options),
  ])
  const podsOf = Map.groupBy(pods, ({ namespace }) => namespace)
  const workloadsOf = Map.groupBy(workloads, namespaceOf)
  const limitRangesOf = Map.groupBy(limitRanges, namespaceOf)
  const quotasOf = Map.groupBy(quotas, namespaceOf)
  const surveyed = namespaces
    .map((namespace) => ({ namespace, pods: podsOf.get(namespace.name) ?? [] }))
    .filter((seen) => options.namespace !== undefined || matters(seen, options))
    .map(async ({ namespace, pods: own }): Promise<NamespaceCoverage> => {
      const { name } = namespace
      const limits = {
        limitRanges: limitRangesOf.get(name) ?? [],
        quotas: quotasOf.get(name) ?? [],
      }
      const objects = { workloads: workloadsOf.get(name) ?? [], pods: own }
      return coverNamespace(objects, { namespace, limits }, options)
    })
  return Promise.all(surveyed)
}

/** The Deployments, StatefulSets, DaemonSets, Jobs and CronJobs: what coverage needs of each. */
export async function listWorkloads(
  client: KubeClient,
  { namespace, signal }: SurveyScope,
): Promise<readonly JsonObject[]> {
  const lists = WORKLOAD_KINDS.filter((kind) => kind !== POD).map(async (kind) => {
    const path = listPath(kind.apiVersion, `${kind.kind.toLowerCase()}s`, namespace)
    const select = (object: JsonObject): JsonObject => essentialWorkload(kind, object)
    const { items } = await listObjects(client, { path, select }, { pageSize: PAGE_SIZE, signal })
    return [...items.values()]
  })
  return (await Promise.all(lists)).flat()
}

/** The path of a list, in one namespace or in all. */
export function listPath(apiVersion: string, resource: string, namespace?: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${root}${place}/${resource}`
}

async function coverNamespace(
  objects: NamespaceObjects,
  surroundings: { readonly namespace: NamespaceFacts; readonly limits: NamespaceLimits },
  options: SurveyOptions,
): Promise<NamespaceCoverage> {
  const { namespace } = surroundings
  const filterProblems = new Map<string, string>()
  for (const filter of filtersIn(objects, namespace)) {
    const problem = await options.filterProblemOf(filter)
    if (problem !== undefined) filterProblems.set(filter, problem)
  }
  const workloads = coverageOf(objects, {
    ...surroundings,
    installation: options.installation,
    filterProblems,
  })
  return { namespace, enabled: isEnabled(namespace), workloads }
}

function matters(
  seen: { readonly namespace: NamespaceFacts; readonly pods: readonly PodFacts[] },
  { alsoIn = () => false }: SurveyOptions,
): boolean {
  const { namespace, pods } = seen
  return isEnabled(namespace) || pods.some(({ sidecar }) => sidecar) || alsoIn(namespace.name)
}

async function listNamespaces(
  client: KubeClient,
  { namespace, signal }: SurveyScope,
): Promise<readonly NamespaceFacts[]> {
  const path = '/api/v1/namespaces'
  if (namespace !== undefined) {
    const object = await client.request(`${path}/${encodeURIComponent(namespace)}`, { signal })
    return [namespaceFactsOf(object as KubeObject)]
  }
  const target = { path, select: namespaceFactsOf }
  const { items } = await listObjects(client, target, { pageSize: PAGE_SIZE, signal })
  return [...items.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function listPods(
  client: KubeClient,
  { namespace, signal, seePod }: SurveyOptions,
): Promise<readonly PodFacts[]> {
  const select = (pod: JsonObject): PodFacts | undefined => {
    seePod?.(pod)
    return podFactsOf(pod)
  }
  const target = { path: listPath('v1', 'pods', namespace), select }
  const { items } = await listObjects(client, target, { pageSize: PAGE_SIZE, signal })
  return [...items.values()]
}

/** Nothing where the right is missing: what is not known, nothing is refused for. */
async function listLimits(
  client: KubeClient,
  resource: 'limitranges' | 'resourcequotas',
  { namespace, signal }: SurveyScope,
): Promise<readonly JsonObject[]> {
  const target = {
    path: listPath('v1', resource, namespace),
    select: (object: JsonObject): JsonObject => object,
  }
  try {
    const { items } = await listObjects(client, target, { pageSize: PAGE_SIZE, signal })
    return [...items.values()]
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return []
    throw error
  }
}

function namespaceOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'namespace')
}
