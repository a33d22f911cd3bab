/** What a decision depends on: the workload, its namespace, the installation, and the cluster. */
import type { Annotations } from './annotations.ts'
import type { NamespaceLimits } from './limits.ts'
import type { Installation } from './settings.ts'
import type { Workload } from './workload.ts'

/** What is known about a namespace. */
export interface NamespaceFacts {
  readonly name: string
  readonly annotations: Annotations
  readonly labels: Annotations
}

/** A template that is stored for a workload, as a ReplicaSet or ControllerRevision. */
export interface Revision {
  /** See fingerprintOf(). */
  readonly fingerprint: string
  readonly hasSidecar: boolean
  /** When it was restarted, as it stands in the template; empty: it was not. */
  readonly restartedAt: string
}

/** What is known of the cluster. Whatever is left out is not known, and nothing is refused for it. */
export interface ClusterFacts {
  /** The stored revisions of an updated workload; undefined: they cannot be told. */
  readonly revisions?: readonly Revision[] | undefined
  /** What libpcap says against the filter that the sidecar would have; undefined: nothing. */
  readonly filterProblem?: string | undefined
  /** The LimitRanges and ResourceQuotas of the namespace. */
  readonly limits?: NamespaceLimits | undefined
  /**
   * Whether podtap sees to the template that a pod was made from: false where an operator owns that
   * template, or where it is of a kind that podtap does not change.
   */
  readonly templateHandled?: boolean | undefined
}

/** Everything that a decision depends on. */
export interface Situation {
  readonly workload: Workload
  /** Undefined where the namespace could not be read. */
  readonly namespace: NamespaceFacts | undefined
  readonly installation: Installation
  readonly cluster?: ClusterFacts
}
