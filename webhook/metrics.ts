/** What the webhook counts. Every server has a registry of its own. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Reason, Verdict } from './admission/decide.ts'
import { COVERAGE_STATES } from './coverage/judge.ts'
import type { CoverageCounts } from './coverage/term.ts'

/** What became of a review: the verdict on a workload, or why there was none. */
export type ReviewLabels =
  | { readonly decision: Verdict; readonly reason: Reason }
  | { readonly decision: 'ignored'; readonly reason: 'not-a-template' }
  | { readonly decision: 'failed'; readonly reason: 'internal-error' }
  | { readonly decision: 'refused'; readonly reason: 'malformed-review' }

/** The metrics of one webhook. */
export interface WebhookMetrics {
  readonly registry: Registry
  /** Counts a review, and the `seconds` that it took, where it was answered. */
  countReview(labels: ReviewLabels, seconds?: number): void
}

/** How many things somebody should repair. */
export interface ProblemCounts {
  /** In the Secret, or in what the caBundle says of it. */
  readonly certificate: number
  /** In the rest of the webhook configuration; told by the leader alone. */
  readonly configuration: number
}

/** What gauges ask for at each scrape. */
export interface MetricSources {
  enabledNamespaces(): number
  namespacesSynced(): boolean
  /** Undefined while no certificate is served. */
  certificateExpiry(): Date | undefined
  leading(): boolean
  problems(): ProblemCounts
  /** By namespace: the enabled ones, and those in which sidecars are left. */
  coverage(): ReadonlyMap<string, CoverageCounts>
}

/** From 0.5 ms, an ordinary review, to 2 s, the API server's patience. */
const DURATION_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2]

/** Creates all metrics in a new registry. */
export function createMetrics(sources: MetricSources): WebhookMetrics {
  const registry = new Registry()
  addProcessMetrics(registry)
  addGauges(registry, sources)
  addProblems(registry, sources)
  addCoverage(registry, sources)
  const reviews = new Counter({
    name: 'podtap_admission_reviews_total',
    help: 'Admission reviews by what became of them and why.',
    labelNames: ['decision', 'reason'],
    registers: [registry],
  })
  const duration = new Histogram({
    name: 'podtap_admission_duration_seconds',
    help: 'Time from a parsed review to its answer.',
    buckets: DURATION_BUCKETS,
    registers: [registry],
  })
  return {
    registry,
    countReview: (labels, seconds) => {
      reviews.inc({ ...labels })
      if (seconds !== undefined) duration.observe(seconds)
    },
  }
}

/**
 * What prom-client says of the process, but for sums over the label `type` of another metric: they are
 * gauges named `…_total`, which `promtool check metrics` calls an error.
 */
function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
  for (const counted of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${counted}_total`)
  }
}

function addGauges(registry: Registry, sources: MetricSources): void {
  addGauge(registry, 'podtap_enabled_namespaces', {
    help: 'Namespaces that are annotated podtap.dev/inject: enabled.',
    read: () => sources.enabledNamespaces(),
  })
  addGauge(registry, 'podtap_namespace_cache_synced', {
    help: '1 once all namespaces were listed.',
    read: () => Number(sources.namespacesSynced()),
  })
  addGauge(registry, 'podtap_certificate_expiry_timestamp_seconds', {
    help: 'When the certificate that is served expires; 0: none is served.',
    read: () => (sources.certificateExpiry()?.getTime() ?? 0) / 1000,
  })
  addGauge(registry, 'podtap_leader', {
    help: '1 while this replica is the one that writes to the cluster.',
    read: () => Number(sources.leading()),
  })
}

function addProblems(registry: Registry, sources: MetricSources): void {
  new Gauge({
    name: 'podtap_problems',
    help: 'Things that somebody should repair; events of the pod and its log say what.',
    labelNames: ['about'],
    registers: [registry],
    collect() {
      const { certificate, configuration } = sources.problems()
      this.set({ about: 'certificate' }, certificate)
      this.set({ about: 'configuration' }, configuration)
    },
  })
}

/**
 * A label `namespace` is as long a list as there are enabled namespaces, which is for the people who
 * enable them to bound; no other namespace is in it, unless sidecars are left there.
 */
function addCoverage(registry: Registry, sources: MetricSources): void {
  new Gauge({
    name: 'podtap_pods',
    help: 'Pods by how they stand to what the webhook would make of them; told by the leader alone.',
    labelNames: ['namespace', 'state'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [namespace, counts] of sources.coverage()) {
        for (const state of COVERAGE_STATES) this.set({ namespace, state }, counts[state])
      }
    },
  })
}

function addGauge(
  registry: Registry,
  name: string,
  { help, read }: { help: string; read: () => number },
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}
