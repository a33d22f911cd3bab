/** Following one namespace: its pods by a watch, everything else when they change. */
import { sleep } from '../../lib/backoff.ts'
import { messageOf } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { Logger } from '../../lib/logger.ts'
import type { NamespaceLimits } from '../admission/limits.ts'
import type { Installation } from '../admission/settings.ts'
import type { NamespaceFacts } from '../admission/situation.ts'
import { ReconcileLoop } from '../reconcile-loop.ts'
import { coverageOf, filtersIn, type WorkloadCoverage } from './coverage.ts'
import type { NamespaceObjects } from './groups.ts'
import { podFactsOf, type PodFacts } from './pod-facts.ts'
import { listPath, listWorkloads } from './survey.ts'

/** Where decisions of coverage find what reviews find too. */
export interface CoverageDirectory {
  /** False while installation() may still change: nothing is told before. */
  readonly ready: boolean
  installation(): Installation
  limitsOf(namespace: string): NamespaceLimits
  /** What is wrong with a filter, or undefined. Rejects where libpcap is missing. */
  filterProblemOf(filter: string): Promise<string | undefined>
}

/** What it works with. */
export interface NamespaceWatchDeps {
  readonly client: KubeClient
  readonly logger: Logger
  readonly directory: CoverageDirectory
  /** The namespace as it is known now; undefined: it is gone. */
  namespace(): NamespaceFacts | undefined
  /** Called with how everything stands, each time it was looked at. */
  onCovered(workloads: readonly WorkloadCoverage[]): void
  readonly timing?: Partial<NamespaceWatchTiming>
}

/** How it is paced, in milliseconds. */
export interface NamespaceWatchTiming {
  /** From a change to a look, so that a rollout costs few. */
  readonly settleMs: number
  /** Longest time between two looks. */
  readonly intervalMs: number
}

const TIMING: NamespaceWatchTiming = { settleMs: 2_000, intervalMs: 60_000 }

/** The coverage of one namespace, kept up to date. */
export class NamespaceWatch {
  readonly #name: string
  readonly #deps: NamespaceWatchDeps
  readonly #timing: NamespaceWatchTiming
  readonly #loop: ReconcileLoop
  #pods: ReadonlyMap<string, PodFacts> | undefined
  #signal = AbortSignal.abort()

  constructor(name: string, deps: NamespaceWatchDeps) {
    this.#name = name
    this.#deps = deps
    this.#timing = { ...TIMING, ...deps.timing }
    this.#loop = new ReconcileLoop({
      reconcile: () => this.#look(),
      intervalMs: this.#timing.intervalMs,
      onError: (error, failures) => {
        if (failures === 1) this.#warn(error)
      },
      onRecovered: () => {
        deps.logger.info({ namespace: name }, 'looking at coverage works again')
      },
    })
  }

  /** Asks for another look, soon. */
  trigger(): void {
    this.#loop.trigger()
  }

  /** Follows the namespace until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const target = { path: listPath('v1', 'pods', this.#name), select: podFactsOf }
    const listener = {
      onChange: (pods: ReadonlyMap<string, PodFacts>): void => {
        this.#pods = pods
        this.trigger()
      },
      onError: (error: unknown, failures: number): void => {
        if (failures === 1) this.#warn(error)
      },
      onRecovered: (): void => undefined,
    }
    await Promise.all([
      watchObjects(this.#deps.client, target, { signal, listener }),
      this.#loop.run(signal),
    ])
  }

  async #look(): Promise<void> {
    const signal = this.#signal
    await sleep(this.#timing.settleMs, signal)
    const namespace = this.#deps.namespace()
    if (this.#pods === undefined || namespace === undefined || signal.aborted) return
    const scope = { namespace: this.#name, signal }
    const workloads = await listWorkloads(this.#deps.client, scope)
    const objects = { workloads, pods: [...this.#pods.values()] }
    const covered = await this.#cover(objects, namespace)
    this.#deps.onCovered(covered)
  }

  async #cover(
    objects: NamespaceObjects,
    namespace: NamespaceFacts,
  ): Promise<readonly WorkloadCoverage[]> {
    const { directory } = this.#deps
    const filterProblems = new Map<string, string>()
    for (const filter of filtersIn(objects, namespace)) {
      const problem = await directory.filterProblemOf(filter)
      if (problem !== undefined) filterProblems.set(filter, problem)
    }
    const limits = directory.limitsOf(this.#name)
    const installation = directory.installation()
    return coverageOf(objects, { namespace, installation, limits, filterProblems })
  }

  #warn(error: unknown): void {
    if (this.#signal.aborted) return
    const fields = { namespace: this.#name, reason: messageOf(error) }
    this.#deps.logger.warn(fields, 'looking at coverage fails (COVERAGE=off does without)')
  }
}
