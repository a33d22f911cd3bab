/** How everything stands that podtap has to do with, as `podtap status` shows it. Pure. */
import type { CoverageState } from '../../webhook/coverage/judge.ts'
import type { PodCoverage, WorkloadCoverage } from '../../webhook/coverage/coverage.ts'
import type { NamespaceCoverage } from '../../webhook/coverage/survey.ts'
import type { SeenPod } from '../cluster/survey-cluster.ts'
import type { CountsRead } from '../sidecars/read-counts.ts'
import { lossOf } from '../sidecars/sidecar-counts.ts'

/** What `podtap status -o json` writes: add fields, never rename one. */
export interface StatusReport {
  readonly summary: StatusSummary
  readonly namespaces: readonly NamespaceStatus[]
}

/** How many pods are in each state. */
export type StatusSummary = Readonly<Record<CoverageState, number>> & { readonly pods: number }

/** One namespace. */
export interface NamespaceStatus {
  readonly name: string
  readonly enabled: boolean
  readonly summary: StatusSummary
  readonly workloads: readonly WorkloadStatus[]
}

/** One workload; its state says what its next pod will be. */
export interface WorkloadStatus {
  /** As kubectl takes it: `deployment/web`. */
  readonly name: string
  readonly state: CoverageState
  /** The webhook's reason, and the same in words. */
  readonly reason: string
  readonly detail: string
  readonly pods: readonly PodStatus[]
}

/** One pod. */
export interface PodStatus {
  readonly name: string
  readonly state: CoverageState
  readonly reason: string
  readonly detail: string
  readonly node?: string
  /** Present, and true: its sidecar was attached to it, whatever its state says about a restart. */
  readonly attached?: true
  /** Why the sidecar does not run; undefined: it runs, or there is none. */
  readonly notRunning?: string
  readonly restarts?: number
  readonly mirror?: MirrorStatus
  /** Why nothing is known of its frames. */
  readonly unread?: string
}

/** What its sidecar counted since it started. */
export interface MirrorStatus {
  readonly sensors: readonly string[]
  readonly framesCaptured: number
  readonly framesSent: number
  readonly framesDropped: Readonly<Record<string, number>>
  /** The average since the start; `podtap top` shows the rate of now. */
  readonly framesPerSecond: number
  /** 0…1; 0 where nothing was captured. */
  readonly loss: number
}

/** What the report is made of. */
export interface StatusSources {
  readonly namespaces: readonly NamespaceCoverage[]
  readonly pods: ReadonlyMap<string, SeenPod>
  /** By `namespace/name`; pods that were not asked are left out. */
  readonly counts: ReadonlyMap<string, CountsRead>
}

/** The report. */
export function statusReport(sources: StatusSources): StatusReport {
  const namespaces = sources.namespaces.map((coverage) => namespaceStatus(coverage, sources))
  return { summary: summarize(namespaces.flatMap(podsIn)), namespaces }
}

/** How many pods are in each state. */
export function summarize(pods: readonly PodStatus[]): StatusSummary {
  const count = (wanted: CoverageState): number =>
    pods.filter(({ state }) => state === wanted).length
  return {
    pods: pods.length,
    mirrored: count('mirrored'),
    stale: count('stale'),
    missed: count('missed'),
    unwanted: count('unwanted'),
    refused: count('refused'),
  }
}

function podsIn({ workloads }: Pick<NamespaceStatus, 'workloads'>): readonly PodStatus[] {
  return workloads.flatMap(({ pods }) => pods)
}

function namespaceStatus(coverage: NamespaceCoverage, sources: StatusSources): NamespaceStatus {
  const { namespace, enabled } = coverage
  const workloads = coverage.workloads.map((workload) => workloadStatus(workload, sources))
  return { name: namespace.name, enabled, summary: summarize(podsIn({ workloads })), workloads }
}

function workloadStatus(workload: WorkloadCoverage, sources: StatusSources): WorkloadStatus {
  const { kind, name, namespace, state, reason, detail } = workload
  const pods = workload.pods.map((pod) => podStatus(pod, namespace, sources))
  return { name: `${kind.toLowerCase()}/${name}`, state, reason, detail, pods }
}

function podStatus(pod: PodCoverage, namespace: string, sources: StatusSources): PodStatus {
  const { name, state, reason, detail } = pod
  const key = `${namespace}/${name}`
  const seen = sources.pods.get(key)
  const judged = { name, state, reason, detail }
  if (seen === undefined) return judged
  const { node, sidecar } = seen
  const attached = sidecar.attached ? ({ attached: true } as const) : {}
  const base = { ...judged, node, restarts: sidecar.restarts, ...attached }
  if (sidecar.startedAt === undefined)
    return { ...base, notRunning: sidecar.waiting || 'not started' }
  const read = sources.counts.get(key)
  if (read === undefined) return base
  if ('problem' in read.counts) return { ...base, unread: read.counts.problem }
  return { ...base, mirror: mirrorStatus(read, sidecar.startedAt) }
}

function mirrorStatus({ counts, at }: CountsRead, startedAt: Date): MirrorStatus {
  if ('problem' in counts) throw new TypeError('mirrorStatus: expected counts')
  const { capturedFrames, sentFrames, dropped, destinations } = counts.value
  // The container's start has whole seconds.
  const seconds = Math.max(1, (at - startedAt.getTime()) / 1000)
  return {
    sensors: destinations.map(({ sensor }) => sensor),
    framesCaptured: capturedFrames,
    framesSent: sentFrames,
    framesDropped: dropped,
    framesPerSecond: capturedFrames / seconds,
    loss: lossOf(counts.value) ?? 0,
  }
}
