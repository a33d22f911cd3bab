/** Which pods of a namespace are mirrored, which are not, and why. */
import { parseFilterText } from '../../sidecar/contract.ts'
import { FILTER } from '../admission/annotations.ts'
import { textAt, type JsonObject } from '../admission/json.ts'
import type { NamespaceLimits } from '../admission/limits.ts'
import type { Installation } from '../admission/settings.ts'
import { annotatedFilter } from '../admission/settings-for.ts'
import type { ClusterFacts, NamespaceFacts, Situation } from '../admission/situation.ts'
import { findKind, newWorkload, POD, type Workload } from '../admission/workload.ts'
import { groupPods, type Group, type NamespaceObjects } from './groups.ts'
import { carriedBy, COVERAGE_STATES, expectedAtRestart, judge, type Judgement } from './judge.ts'
import type { PodFacts } from './pod-facts.ts'

/** What decisions in a namespace rest on. */
export interface CoverageContext {
  readonly namespace: NamespaceFacts
  /** With the kind of sidecar (native or classic) that the cluster gets. */
  readonly installation: Installation
  readonly limits?: NamespaceLimits | undefined
  /** What is wrong with each filter that does not compile; see filtersIn(). */
  readonly filterProblems?: ReadonlyMap<string, string> | undefined
}

/** How a pod stands. */
export interface PodCoverage extends Judgement {
  readonly name: string
}

/**
 * How a workload and its pods stand. Its own state says what its next pod will be; that of something
 * which podtap does not read is the worst of its pods.
 */
export interface WorkloadCoverage extends Judgement {
  readonly apiVersion: string
  /** `Deployment` …, `Pod` for one that was made by hand, or any other kind that makes pods. */
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Empty where it is not known. */
  readonly uid: string
  /** Identifies the sidecar that its next pod should have; empty: none, or each of its pods another. */
  readonly configHash: string
  /** The workload as it was given; undefined where podtap does not read such objects. */
  readonly object: JsonObject | undefined
  /** In the order of their names. */
  readonly pods: readonly PodCoverage[]
}

/** How everything in a namespace stands that has pods or will have some, by kind and name. */
export function coverageOf(
  objects: NamespaceObjects,
  context: CoverageContext,
): readonly WorkloadCoverage[] {
  const covered = groupPods(objects).map((group) => coverGroup(group, context))
  return covered.sort((a, b) => compare(a.kind, b.kind) || compare(a.name, b.name))
}

/** The filters that somebody wrote in an annotation there: the ones to be compiled before. */
export function filtersIn(
  { workloads, pods }: NamespaceObjects,
  namespace: NamespaceFacts,
): ReadonlySet<string> {
  const annotated = pods.filter(({ templateText }) => templateText.includes(FILTER))
  const templates = [
    ...workloads.flatMap((object) => asWorkload(object) ?? []),
    ...annotated.map(asPod),
  ]
  const ofNamespace = namespace.annotations[FILTER]
  const filters = [ofNamespace, ...templates.map((each) => annotatedFilter(each, namespace))]
  return new Set(filters.filter(isWellFormed))
}

function coverGroup({ object, pods }: Group, context: CoverageContext): WorkloadCoverage {
  const workload = object && asWorkload(object)
  if (workload === undefined) return coverPods(pods, context)
  const expected = expectedAtRestart(situationOf(workload, context))
  // What an operator owns is left to it; its pods are seen to one by one, when they are made.
  const byPod = expected.reason === 'operator-owned'
  return {
    apiVersion: workload.kind.apiVersion,
    kind: workload.kind.kind,
    namespace: context.namespace.name,
    name: workload.name,
    uid: textAt(object, 'metadata', 'uid'),
    configHash: expected.configHash,
    object,
    ...judge(carriedBy(workload.template ?? {}), expected),
    pods: pods
      .map((pod) => (byPod ? coverPod(pod, context) : { name: pod.name, ...judge(pod, expected) }))
      .sort(byName),
  }
}

/** Pods (one at least) of one maker that podtap does not read, or one that was made by hand. */
function coverPods(pods: readonly PodFacts[], context: CoverageContext): WorkloadCoverage {
  const covered = pods.map((pod) => coverPod(pod, context)).sort(byName)
  const [pod] = pods
  const [worst] = [...covered].sort((a, b) => gravity(a) - gravity(b))
  if (pod === undefined || worst === undefined) throw new TypeError('coverPods: expected a pod')
  const { state, reason, detail } = worst
  const maker = pod.owner ?? { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid }
  const { namespace } = pod
  const judged = { state, reason, detail, configHash: '' }
  return { ...maker, namespace, object: undefined, ...judged, pods: covered }
}

function coverPod(pod: PodFacts, context: CoverageContext): PodCoverage {
  const situation = situationOf(asPod(pod), context, { templateHandled: false })
  return { name: pod.name, ...judge(pod, expectedAtRestart(situation)) }
}

function situationOf(
  workload: Workload,
  { namespace, installation, limits, filterProblems }: CoverageContext,
  facts: ClusterFacts = {},
): Situation {
  const filterProblem = filterProblems?.get(annotatedFilter(workload, namespace) ?? '')
  return { workload, namespace, installation, cluster: { ...facts, limits, filterProblem } }
}

function asWorkload(object: JsonObject): Workload | undefined {
  const kind = findKind(textAt(object, 'apiVersion'), textAt(object, 'kind'))
  return kind && newWorkload(kind, object)
}

function asPod({ templateText }: PodFacts): Workload {
  return newWorkload(POD, JSON.parse(templateText) as JsonObject)
}

/** Malformed text is refused without libpcap. */
function isWellFormed(filter: string | undefined): filter is string {
  return filter !== undefined && 'value' in parseFilterText(filter)
}

/** What asks most for somebody's attention comes first. */
function gravity({ state }: Judgement): number {
  return GRAVITY.indexOf(state)
}

const GRAVITY = [
  'missed',
  'stale',
  'unwanted',
  'refused',
  'mirrored',
] as const satisfies (typeof COVERAGE_STATES)[number][]

function byName(a: PodCoverage, b: PodCoverage): number {
  return compare(a.name, b.name)
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
