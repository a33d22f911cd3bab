/** What the webhook knows of the cluster beside its namespaces, gathered for one review. */
import type { KubeClient } from '../lib/kube/client.ts'
import type { Logger } from '../lib/logger.ts'
import { injectValue } from './admission/annotations.ts'
import type { NativeSetting } from './admission/installation.ts'
import type { NamespaceLimits } from './admission/limits.ts'
import { controllerOf, isMaker } from './admission/ownership.ts'
import type { Installation } from './admission/settings.ts'
import { annotatedFilter } from './admission/settings-for.ts'
import type { ClusterFacts, NamespaceFacts, Revision } from './admission/situation.ts'
import { hasSidecar } from './admission/uninject.ts'
import type { Workload } from './admission/workload.ts'
import { parseFilterText } from '../sidecar/contract.ts'
import { FilterChecker } from './filters.ts'
import { LimitCache } from './limits.ts'
import { NodeCache } from './nodes.ts'
import { OwnerReader } from './owners.ts'
import { RevisionCache } from './revisions.ts'

/** Where reviews ask about the cluster. */
export interface ClusterDirectory {
  /** The installation with the kind of sidecar that the cluster can run. */
  installation(): Installation
  /** What is known for a decision about `workload`. Never rejects: what cannot be told is left out. */
  factsOf(workload: Workload, namespace: NamespaceFacts | undefined): Promise<ClusterFacts>
}

/** What it works with. */
export interface ClusterDeps {
  readonly client: KubeClient
  readonly logger: Logger
  readonly installation: Installation
  readonly nativeSidecar: NativeSetting
}

/** All caches, and what is asked at need. */
export class Cluster implements ClusterDirectory {
  readonly #deps: ClusterDeps
  readonly #nodes: NodeCache
  readonly #revisions: RevisionCache
  readonly #limits: LimitCache
  readonly #owners: OwnerReader
  readonly #filters = new FilterChecker()

  constructor(deps: ClusterDeps) {
    this.#deps = deps
    this.#nodes = new NodeCache(deps)
    this.#revisions = new RevisionCache(deps)
    this.#limits = new LimitCache(deps)
    this.#owners = new OwnerReader(deps.client)
  }

  /** False while the first review could render another sidecar than the next one. */
  get ready(): boolean {
    return this.#deps.nativeSidecar !== 'auto' || this.#nodes.tried
  }

  installation(): Installation {
    const { installation, nativeSidecar } = this.#deps
    const native = nativeSidecar === 'auto' ? this.#nodes.nativeSidecars : nativeSidecar === 'on'
    return { ...installation, sidecar: { ...installation.sidecar, native } }
  }

  /** The LimitRanges and ResourceQuotas of a namespace, as far as they were seen. */
  limitsOf(namespace: string): NamespaceLimits {
    return this.#limits.limitsOf(namespace)
  }

  /** What libpcap says against a filter, or undefined. Rejects where libpcap is missing. */
  async filterProblemOf(filter: string): Promise<string | undefined> {
    return this.#filters.problemOf(filter)
  }

  async factsOf(workload: Workload, namespace: NamespaceFacts | undefined): Promise<ClusterFacts> {
    const revisions = this.#revisionsOf(workload)
    // Nothing more is asked where nothing can be injected: most reviews are of such namespaces.
    if (injectValue(namespace?.annotations ?? {}) !== true) return { revisions }
    const [filterProblem, templateHandled] = await Promise.all([
      this.#filterProblem(workload, namespace),
      this.#templateHandled(workload),
    ])
    const limits = this.limitsOf(workload.namespace)
    return { revisions, limits, filterProblem, templateHandled }
  }

  /** Follows everything until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const watches = [this.#revisions.run(signal), this.#limits.run(signal)]
    if (this.#deps.nativeSidecar === 'auto') watches.push(this.#nodes.run(signal))
    await Promise.all(watches)
  }

  #revisionsOf({ change }: Workload): readonly Revision[] | undefined {
    return change && this.#revisions.revisionsOf(change.uid)
  }

  async #filterProblem(
    workload: Workload,
    namespace: NamespaceFacts | undefined,
  ): Promise<string | undefined> {
    const filter = annotatedFilter(workload, namespace)
    if (filter === undefined || 'expected' in parseFilterText(filter)) return undefined
    return this.#unlessFailing('filter not checked', () => this.filterProblemOf(filter))
  }

  /** Asked only of pods that came without a sidecar: all others were made from a template that has it. */
  async #templateHandled({
    kind,
    namespace,
    object,
    template = {},
  }: Workload): Promise<boolean | undefined> {
    const owner = controllerOf(object)
    if (kind.kind !== 'Pod' || owner === undefined || !isMaker(kind, owner)) return undefined
    if (hasSidecar(template)) return undefined
    return this.#unlessFailing('owner of a pod not read', () =>
      this.#owners.isTemplateHandled(namespace, owner),
    )
  }

  async #unlessFailing<T>(message: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (err) {
      this.#deps.logger.warn({ err }, message)
      return undefined
    }
  }
}
