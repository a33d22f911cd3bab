/** Workloads for the laws of injection in a real cluster, and what is seen of them. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import { get, kubectl } from './cluster.ts'

const execute = promisify(execFile)

/** What a program wrote: answers, and (kubectl) warnings. */
export interface Said {
  readonly stdout: string
  readonly stderr: string
}

/** Runs kubectl with objects on its standard input (`-f -` is to be in `args`); rejects where it fails. */
export async function submit(objects: JsonObject, ...args: readonly string[]): Promise<Said> {
  const running = execute('kubectl', args, { timeout: 60_000, maxBuffer: 2 ** 24 })
  running.child.stdin?.end(JSON.stringify(objects))
  return running
}

/** Runs kubectl; returns what it wrote to standard output and to standard error. */
export async function said(...args: readonly string[]): Promise<Said> {
  return execute('kubectl', args, { timeout: 120_000 })
}

/** Makes a namespace afresh, enabled unless `annotations` say otherwise. */
export async function openNamespace(
  name: string,
  {
    annotations = { 'podtap.dev/inject': 'enabled' },
    labels = {},
  }: { readonly annotations?: JsonObject; readonly labels?: JsonObject } = {},
): Promise<void> {
  await kubectl('delete', 'namespace', name, '--ignore-not-found', '--wait=true')
  const metadata = { name, annotations, labels }
  await submit({ apiVersion: 'v1', kind: 'Namespace', metadata }, 'create', '-f', '-')
  // Pods are refused until the controllers have made these.
  for (const object of ['serviceaccount/default', 'configmap/kube-root-ca.crt']) {
    await kubectl('-n', name, 'wait', '--for=create', object, '--timeout=30s')
  }
}

/** Deletes namespaces without waiting for their end. */
export async function closeNamespaces(...names: readonly string[]): Promise<void> {
  await kubectl('delete', 'namespace', ...names, '--ignore-not-found', '--wait=false')
}

/** A pod template of the example image; `annotations` and `spec` are put into it. */
export function template(annotations: JsonObject = {}, spec: JsonObject = {}): JsonObject {
  return {
    metadata: { labels: { app: 'web' }, annotations },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'web', image: 'podtap/example:0.1.0', command: ['sleep', 'infinity'] }],
      ...spec,
    },
  }
}

/** A workload of apps/v1 without pods, unless `spec` says otherwise. */
export function workload(
  reference: string,
  { of = template(), spec = {}, metadata = {} }: WorkloadParts = {},
): JsonObject {
  const [kind = '', name = ''] = reference.split('/')
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, ...metadata },
    spec: {
      ...(kind === 'DaemonSet' ? {} : { replicas: 0 }),
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      selector: { matchLabels: { app: 'web' } },
      template: of,
      ...spec,
    },
  }
}

/** The parts of a workload that tests set. */
export interface WorkloadParts {
  readonly of?: JsonObject
  readonly spec?: JsonObject
  readonly metadata?: JsonObject
}

/** What is looked at of a stored workload. */
export interface Seen {
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  /** Names of init containers and containers, in their order. */
  readonly containers: readonly string[]
  readonly volumes: readonly string[]
  /** The sidecar's environment; empty where it has none. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The whole pod template. */
  readonly template: JsonObject
}

/** What is stored of a workload (`deployment/web`) now. */
export async function look(namespace: string, reference: string): Promise<Seen> {
  const object = await get<JsonObject>('-n', namespace, reference)
  const path = reference.startsWith('cronjob/') ? ['jobTemplate', 'spec', 'template'] : ['template']
  const pod = reference.startsWith('pod/')
  const stored = (pod ? object : valueAt(object, 'spec', ...path)) as StoredTemplate
  const all = [...(stored.spec.initContainers ?? []), ...stored.spec.containers]
  const own = all.find(({ name }) => name === 'podtap')
  const { annotations = {} } = stored.metadata
  return {
    generation: Number(valueAt(object, 'metadata', 'generation')),
    annotations,
    containers: all.map(({ name }) => name),
    volumes: (stored.spec.volumes ?? []).map(({ name }) => name),
    environment: Object.fromEntries((own?.env ?? []).map(({ name, value }) => [name, value])),
    template: stored as unknown as JsonObject,
  }
}

interface StoredTemplate {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly initContainers?: readonly StoredContainer[]
    readonly containers: readonly StoredContainer[]
    readonly volumes?: readonly { readonly name: string }[]
  }
}

interface StoredContainer {
  readonly name: string
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
}

/** The lines of podtap in what kubectl wrote, without `Warning: `. */
export function warnings({ stderr }: Said): readonly string[] {
  const lines = stderr.split('\n').map((line) => /^Warning: (podtap: .*)$/.exec(line)?.[1])
  return lines.filter((line) => line !== undefined)
}

/** `kubectl rollout restart`; the clock of its annotation has seconds, and it refuses the same one. */
export async function restart(namespace: string, reference: string): Promise<Said> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await said('-n', namespace, 'rollout', 'restart', reference)
    } catch (error) {
      const tooSoon = String(error).includes('within the past second')
      if (!tooSoon || attempt === 30) throw error
    }
  }
}
