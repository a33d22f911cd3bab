/** A Lease of coordination.k8s.io/v1: who leads, and until when others believe it. */
import { textAt, valueAt, type JsonObject } from '../admission/json.ts'

/** Which Lease. */
export interface LeaseName {
  readonly namespace: string
  readonly name: string
}

/** What a candidate knows of the Lease. */
export interface ObservedLease {
  /** Who leads; empty: nobody, the last leader has let go of it. */
  readonly holder: string
  /** As written. It is compared and never computed with, because the clocks of two nodes differ. */
  readonly renewTime: string
  /** How long a leader is believed in after its last sign of life, in milliseconds. */
  readonly durationMs: number
  /** How often the leader changed. */
  readonly transitions: number
  readonly acquireTime: string
  readonly resourceVersion: string
  /** When this candidate saw the last sign of life, on its own monotonic clock, in milliseconds. */
  readonly seenAt: number
}

/** What a leader writes. */
export interface LeaseClaim {
  readonly identity: string
  readonly durationMs: number
  /** The wall clock, for people who read the Lease. */
  readonly now: Date
}

/** Where the API lists Leases. */
export function leasesPath({ namespace }: LeaseName): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
}

/**
 * What `object` says, seen at `now` (monotonic, milliseconds). A sign of life is a change of holder or
 * renewTime against `before`; without one `seenAt` stays, so a dead leader's time runs out.
 * Source: client-go, tools/leaderelection, observedTime.
 */
export function observe(
  object: unknown,
  before: ObservedLease | undefined,
  now: number,
): ObservedLease {
  const holder = textAt(object, 'spec', 'holderIdentity')
  const renewTime = textAt(object, 'spec', 'renewTime')
  const alive = before?.holder !== holder || before.renewTime !== renewTime
  return {
    holder,
    renewTime,
    durationMs: numberAt(object, 'leaseDurationSeconds') * 1000,
    transitions: numberAt(object, 'leaseTransitions'),
    acquireTime: textAt(object, 'spec', 'acquireTime'),
    resourceVersion: textAt(object, 'metadata', 'resourceVersion'),
    seenAt: alive ? now : before.seenAt,
  }
}

/** How long `identity` must wait before it may take the Lease, in milliseconds; 0: it may now. */
export function waitMs(lease: ObservedLease | undefined, identity: string, now: number): number {
  if (lease === undefined || lease.holder === '' || lease.holder === identity) return 0
  return Math.max(0, lease.seenAt + lease.durationMs - now)
}

/** The Lease with which `claim.identity` leads, to replace `old` or, without one, to be created. */
export function claimed(
  { namespace, name }: LeaseName,
  old: ObservedLease | undefined,
  { identity, durationMs, now }: LeaseClaim,
): JsonObject {
  const stays = old?.holder === identity
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name, ...(old && { resourceVersion: old.resourceVersion }) },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      acquireTime: stays ? old.acquireTime : microTime(now),
      renewTime: microTime(now),
      leaseTransitions: (old?.transitions ?? 0) + (stays || old === undefined ? 0 : 1),
    },
  }
}

/** The Lease with which a leader lets go, so that the next one need not wait. */
export function released(name: LeaseName, old: ObservedLease, now: Date): JsonObject {
  const lease = claimed(name, old, { identity: old.holder, durationMs: 1000, now })
  return { ...lease, spec: { ...(lease['spec'] as JsonObject), holderIdentity: '' } }
}

function numberAt(object: unknown, field: string): number {
  const value = valueAt(object, 'spec', field)
  return typeof value === 'number' ? value : 0
}

/** The API takes exactly six digits of a second (meta/v1 MicroTime). */
function microTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z')
}
