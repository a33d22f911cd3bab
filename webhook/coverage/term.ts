/** Coverage for as long as one process leads: which namespaces are followed, and what is seen in each. */
import type { KubeClient } from '../../lib/kube/client.ts'
import { listObjects } from '../../lib/kube/list.ts'
import type { Logger } from '../../lib/logger.ts'
import type { NamespaceFacts } from '../admission/situation.ts'
import type { EventSink } from '../events.ts'
import { ReconcileLoop } from '../reconcile-loop.ts'
import type { WorkloadCoverage } from './coverage.ts'
import { DriftLog, type DriftTiming } from './drift-events.ts'
import type { CoverageState } from './judge.ts'
import {
  NamespaceWatch,
  type CoverageDirectory,
  type NamespaceWatchTiming,
} from './namespace-watch.ts'
import { podFactsOf } from './pod-facts.ts'
import { listPath } from './survey.ts'

/** How many pods of a namespace are in each state. */
export type CoverageCounts = Readonly<Record<CoverageState, number>>

/** What is known of namespaces. */
export interface CoverageNamespaces {
  /** False until all were listed. */
  readonly synced: boolean
  readonly enabled: readonly string[]
  seen(name: string): NamespaceFacts | undefined
}

/** What it works with. */
export interface CoverageDeps {
  readonly client: KubeClient
  readonly logger: Logger
  readonly namespaces: CoverageNamespaces
  readonly directory: CoverageDirectory
  readonly events: EventSink
  /** For tests. */
  readonly timing?: Partial<NamespaceWatchTiming & DriftTiming>
}

/** A namespace that is followed. */
interface Followed {
  readonly watch: NamespaceWatch
  readonly ending: AbortController
  readonly done: Promise<void>
  enabled: boolean
  /** What was known of the namespace when it was last looked at, as JSON. */
  facts: string
}

/** Looking which namespaces matter costs nothing as long as they stay the same. */
const INTERVAL_MS = 5_000

/** Objects per answer when all pods are gone through. */
const PAGE_SIZE = 250

/**
 * Follows the enabled namespaces, and those in which sidecars are left until there are none. Each has a
 * watch of its own, so that pods of all others are neither sent nor kept.
 */
export class CoverageTerm {
  readonly #deps: CoverageDeps
  readonly #loop: ReconcileLoop
  readonly #followed = new Map<string, Followed>()
  readonly #counts = new Map<string, CoverageCounts>()
  /** Not enabled, with sidecars left; undefined: they were not looked for yet. */
  #leftovers: Set<string> | undefined
  #signal = AbortSignal.abort()

  constructor(deps: CoverageDeps) {
    this.#deps = deps
    this.#loop = new ReconcileLoop({
      reconcile: () => this.#follow(),
      intervalMs: INTERVAL_MS,
      onError: (err, failures) => {
        if (failures > 1 || this.#signal.aborted) return
        deps.logger.warn({ err }, 'coverage fails (COVERAGE=off does without)')
      },
      onRecovered: () => {
        deps.logger.info('coverage works again')
      },
    })
  }

  /** By namespace: those that are followed, once they were looked at. */
  get counts(): ReadonlyMap<string, CoverageCounts> {
    return this.#counts
  }

  /** Says that namespaces may have changed. */
  trigger(): void {
    this.#loop.trigger()
  }

  /** Follows until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    await this.#loop.run(signal)
    await Promise.all([...this.#followed.values()].map((followed) => end(followed)))
    this.#followed.clear()
  }

  async #follow(): Promise<void> {
    const { namespaces, directory, client } = this.#deps
    if (!namespaces.synced || !directory.ready) return
    this.#leftovers ??= await namespacesWithSidecars(client, this.#signal)
    const wanted = this.#wanted(this.#leftovers)
    for (const name of wanted) this.#begin(name)
    const gone = [...this.#followed.keys()].filter((name) => !wanted.has(name))
    await Promise.all(gone.map((name) => this.#leave(name)))
  }

  /** The enabled namespaces and the leftovers, which are brought up to date. */
  #wanted(leftovers: Set<string>): ReadonlySet<string> {
    const { namespaces } = this.#deps
    const enabled = new Set(namespaces.enabled)
    for (const [name, followed] of this.#followed) {
      // Once, when it is disabled: later it is left as soon as no sidecar is seen there any more.
      if (followed.enabled && !enabled.has(name)) leftovers.add(name)
      followed.enabled = enabled.has(name)
    }
    for (const name of leftovers) {
      if (namespaces.seen(name) === undefined || enabled.has(name)) leftovers.delete(name)
    }
    return new Set([...enabled, ...leftovers])
  }

  /** Begins to follow a namespace, or looks at it again where it has changed. */
  #begin(name: string): void {
    const { namespaces } = this.#deps
    const facts = JSON.stringify(namespaces.seen(name))
    const followed = this.#followed.get(name)
    if (followed === undefined) {
      this.#followed.set(name, this.#start(name, facts))
    } else if (followed.facts !== facts) {
      followed.facts = facts
      followed.watch.trigger()
    }
  }

  #start(name: string, facts: string): Followed {
    const { namespaces, timing } = this.#deps
    const log = new DriftLog(timing)
    const watch = new NamespaceWatch(name, {
      ...this.#deps,
      namespace: () => namespaces.seen(name),
      onCovered: (workloads) => {
        this.#onCovered(name, workloads, log)
      },
    })
    const ending = new AbortController()
    const done = watch.run(AbortSignal.any([ending.signal, this.#signal]))
    return { watch, ending, done, facts, enabled: namespaces.enabled.includes(name) }
  }

  #onCovered(name: string, workloads: readonly WorkloadCoverage[], log: DriftLog): void {
    const counts = countPods(workloads)
    this.#counts.set(name, counts)
    for (const event of log.due(workloads, performance.now())) this.#deps.events.record(event)
    const left = counts.mirrored + counts.stale + counts.unwanted
    if (left === 0 && this.#leftovers?.delete(name)) this.trigger()
  }

  async #leave(name: string): Promise<void> {
    const followed = this.#followed.get(name)
    if (followed === undefined) return
    this.#followed.delete(name)
    await end(followed)
    this.#counts.delete(name)
  }
}

async function end({ ending, done }: Followed): Promise<void> {
  ending.abort()
  await done
}

function countPods(workloads: readonly WorkloadCoverage[]): CoverageCounts {
  const counts: Record<CoverageState, number> = {
    mirrored: 0,
    stale: 0,
    missed: 0,
    unwanted: 0,
    refused: 0,
  }
  for (const { pods } of workloads) for (const { state } of pods) counts[state] += 1
  return counts
}

/** The namespaces of all pods that have a sidecar; of the pods themselves nothing is kept. */
async function namespacesWithSidecars(
  client: KubeClient,
  signal: AbortSignal,
): Promise<Set<string>> {
  const target = {
    path: listPath('v1', 'pods'),
    select: (pod: Parameters<typeof podFactsOf>[0]) => {
      const facts = podFactsOf(pod)
      return facts?.sidecar === true ? facts.namespace : undefined
    },
  }
  const { items } = await listObjects(client, target, { pageSize: PAGE_SIZE, signal })
  return new Set(items.values())
}
