/** What has a pod template, and where: the kinds that podtap looks at. */
import { isObject, objectAt, textAt, valueAt, type JsonObject } from './json.ts'

/** The operations that can change a template. */
export type Operation = 'CREATE' | 'UPDATE'

/** One kind of workload. */
export interface WorkloadKind {
  readonly apiVersion: string
  readonly kind: string
  /** Path from the object to its pod template; empty: the object is a pod and its own template. */
  readonly templatePath: readonly string[]
  /** Operations in which the API server accepts a changed template. */
  readonly operations: readonly Operation[]
  /** Its pods end by themselves, so a sidecar that runs for ever would keep them from ending. */
  readonly endsByItself: boolean
  /** Controllers of Kubernetes itself that make such objects, from a template of their own. */
  readonly makers: readonly Maker[]
}

/** A kind of controller. */
export interface Maker {
  readonly apiVersion: string
  readonly kind: string
}

const TEMPLATE = ['spec', 'template'] as const

/** A pod is its own template. */
export const POD: WorkloadKind = {
  apiVersion: 'v1',
  kind: 'Pod',
  templatePath: [],
  operations: ['CREATE'],
  endsByItself: false,
  makers: [
    { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
    { apiVersion: 'apps/v1', kind: 'StatefulSet' },
    { apiVersion: 'apps/v1', kind: 'DaemonSet' },
    { apiVersion: 'batch/v1', kind: 'Job' },
  ],
}

/**
 * Every kind that podtap knows. ReplicaSets are left out on purpose: a changed ReplicaSet template no
 * longer equals its Deployment's, which then makes another one, without end (kubernetes#57167).
 */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = [
  rolling('Deployment'),
  rolling('StatefulSet'),
  rolling('DaemonSet'),
  {
    apiVersion: 'batch/v1',
    kind: 'Job',
    templatePath: TEMPLATE,
    operations: ['CREATE'],
    endsByItself: true,
    makers: [{ apiVersion: 'batch/v1', kind: 'CronJob' }],
  },
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    templatePath: ['spec', 'jobTemplate', ...TEMPLATE],
    operations: ['CREATE', 'UPDATE'],
    endsByItself: true,
    makers: [],
  },
  POD,
]

/** A workload as it would be stored, and as it is stored now. */
export interface Workload {
  readonly kind: WorkloadKind
  readonly namespace: string
  /** Its name, or the prefix that the API server will complete (`generateName`). */
  readonly name: string
  readonly operation: Operation
  /** The whole object. */
  readonly object: JsonObject
  /** Its pod template; undefined where the object has none that is an object. */
  readonly template: JsonObject | undefined
  /** The stored pod template; undefined at CREATE. */
  readonly oldTemplate: JsonObject | undefined
  /** How it is updated; undefined at CREATE, and where nobody knows. */
  readonly change?: Change | undefined
}

/** What the API server says about an update. */
export interface Change {
  /** The uid of the stored object. */
  readonly uid: string
  /**
   * The field manager that the client named; empty: none. kubectl names one for each of its commands
   * (`kubectl-rollout` for restart), but none for `rollout undo`.
   */
  readonly fieldManager: string
  /** Whether a manifest was put in place of the object: it names no uid, as every stored object does. */
  readonly isManifest: boolean
}

/** The row of WORKLOAD_KINDS for an object, or undefined: not a workload. */
export function findKind(apiVersion: string, kind: string): WorkloadKind | undefined {
  return WORKLOAD_KINDS.find((row) => row.apiVersion === apiVersion && row.kind === kind)
}

/** The pod template of `object`, or undefined where it has none. */
export function templateOf(kind: WorkloadKind, object: unknown): JsonObject | undefined {
  const template = valueAt(object, ...kind.templatePath)
  return isObject(template) ? template : undefined
}

/** `object` as a workload that is about to be created: how manifests in files are looked at. */
export function newWorkload(kind: WorkloadKind, object: JsonObject): Workload {
  return {
    kind,
    namespace: textAt(object, 'metadata', 'namespace') || 'default',
    name: nameOf(object),
    operation: 'CREATE',
    object,
    template: templateOf(kind, object),
    oldTemplate: undefined,
  }
}

/** How people write it: `deployment/web`. */
export function referenceOf(workload: Workload): string {
  return `${workload.kind.kind.toLowerCase()}/${workload.name}`
}

/** The name of `object`, or its `generateName`; `?` where it has neither. */
export function nameOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'name') || textAt(object, 'metadata', 'generateName') || '?'
}

/** The annotations of an object or a template. Values that are not text are left out. */
export function annotationsOf(object: JsonObject): Readonly<Record<string, string>> {
  const entries = Object.entries(objectAt(object, 'metadata', 'annotations'))
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => isText(entry[1])))
}

function rolling(kind: string): WorkloadKind {
  return {
    apiVersion: 'apps/v1',
    kind,
    templatePath: TEMPLATE,
    operations: ['CREATE', 'UPDATE'],
    endsByItself: false,
    makers: [],
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
