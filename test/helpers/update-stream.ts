/** Real updates of workloads, and what was stored of each of them. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../lib/errors.ts'
import { KubeClient, type RequestOptions } from '../../lib/kube/client.ts'
import { kubeconfigCredentials } from '../../lib/kube/kubeconfig.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { template, workload } from './cluster-laws.ts'

/** What became of the updates. */
export interface UpdateCounts {
  /** Accepted by the API server. */
  readonly accepted: number
  /** How many were refused or not answered, by the reason. */
  readonly refused: ReadonlyMap<string, number>
  /** Stored without a sidecar. */
  readonly bare: readonly StoredUpdate[]
  /** Stored with more than one sidecar. */
  readonly twice: readonly StoredUpdate[]
}

/** An update that should not have been stored as it was. */
export interface StoredUpdate {
  /** When it was answered, by Date.now(). */
  readonly at: number
  /** The Deployment's. */
  readonly name: string
}

/** Updates under way. */
export interface UpdateStream {
  /** What became of those that were answered until now. */
  readonly counts: UpdateCounts
  /** Ends it; resolves with what became of its updates when the last one was answered. */
  stop(): Promise<UpdateCounts>
}

interface Counts extends UpdateCounts {
  accepted: number
  readonly refused: Map<string, number>
  readonly bare: StoredUpdate[]
  readonly twice: StoredUpdate[]
}

/** As kubectl finds it. */
const KUBECONFIG = process.env['KUBECONFIG'] ?? join(homedir(), '.kube/config')

/** Clients at a time, and the time from the end of an update to the client's next one. */
const CLIENTS = 4
const PAUSE_MS = 100

/**
 * Clients that update Deployments of their own in a namespace. Each Deployment is put as its author wrote
 * it, so that a review that fails leaves it without a sidecar, and is then restarted as it is stored, so
 * that an injection that does not look would give it a second one.
 */
export async function startUpdates(namespace: string): Promise<UpdateStream> {
  const ending = new AbortController()
  const counts: Counts = { accepted: 0, refused: new Map(), bare: [], twice: [] }
  const client = new KubeClient(kubeconfigCredentials(KUBECONFIG))
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
  const names = Array.from({ length: CLIENTS }, (_, i) => `web-${i + 1}`)
  for (const name of names) await client.request(path, { method: 'POST', body: written(name, 0) })
  const running = names.map(async (name) => {
    for (let update = 1; !ending.signal.aborted; update += 1) {
      await count(counts, name, client.request(`${path}/${name}`, put(name, update)))
      await count(counts, name, client.request(`${path}/${name}`, restarted(update)))
      await delay(PAUSE_MS)
    }
  })
  return {
    counts,
    stop: async () => {
      ending.abort()
      await Promise.all(running)
      client.close()
      return counts
    },
  }
}

/** As its author wrote it: no sidecar, and a template that is another one each time. */
function put(name: string, update: number): RequestOptions {
  return { method: 'PUT', body: written(name, update), timeoutMs: 5_000 }
}

/** Paused, so that the Deployment's controller does not make a ReplicaSet of each update. */
function written(name: string, update: number): JsonObject {
  const of = template({ update: String(update) })
  return workload(`Deployment/${name}`, { of, spec: { paused: true } })
}

/** What `kubectl rollout restart` does, without its limit of one in a second. */
function restarted(update: number): RequestOptions {
  const annotations = { 'kubectl.kubernetes.io/restartedAt': String(update) }
  const body = { spec: { template: { metadata: { annotations } } } }
  const contentType = 'application/strategic-merge-patch+json'
  return { method: 'PATCH', body, contentType, timeoutMs: 5_000 }
}

async function count(counts: Counts, name: string, answer: Promise<unknown>): Promise<void> {
  const stored = await answer.catch((error: unknown) => {
    const reason = messageOf(error).replace(/^[A-Z]+ \S+: /, '') // Its method and path.
    counts.refused.set(reason, (counts.refused.get(reason) ?? 0) + 1)
  })
  if (stored === undefined) return
  counts.accepted += 1
  const sidecars = sidecarsOf(stored as StoredWorkload)
  const update = { at: Date.now(), name }
  if (sidecars === 0) counts.bare.push(update)
  if (sidecars > 1) counts.twice.push(update)
}

function sidecarsOf({ spec }: StoredWorkload): number {
  const { initContainers = [], containers } = spec.template.spec
  return [...initContainers, ...containers].filter(isSidecar).length
}

/** By its image too: one of another name would be a second one all the same. */
function isSidecar({ name, image }: { readonly name: string; readonly image: string }): boolean {
  return name === 'podtap' || image.includes('podtap/sidecar')
}

interface StoredWorkload {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly initContainers?: readonly { readonly name: string; readonly image: string }[]
        readonly containers: readonly { readonly name: string; readonly image: string }[]
      }
    }
  }
}
