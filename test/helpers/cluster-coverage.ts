/** Coverage in a real cluster: the webhook's own metrics, its events, and rollouts as they go on. */
import { KubeClient } from '../../lib/kube/client.ts'
import { openKubeconfig } from '../../lib/kube/kubeconfig.ts'
import { watchObjects } from '../../lib/kube/watch.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { rolloutProgress } from '../../webhook/coverage/rollout.ts'
import { get, kubectl } from './cluster.ts'

/** How many pods of a namespace are in which state, as the webhook counts them; states of none left out. */
export async function countedPods(namespace: string): Promise<Readonly<Record<string, number>>> {
  const { items } = await get<{ items: readonly { metadata: { name: string } }[] }>(
    ...['-n', 'podtap', 'pods', '-l', 'app.kubernetes.io/name=podtap-webhook'],
  )
  const texts = await Promise.all(items.map(({ metadata }) => metricsText(metadata.name)))
  const pattern = new RegExp(
    `^podtap_pods\\{namespace="${namespace}",state="(\\w+)"\\} (\\d+)$`,
    'gm',
  )
  const samples = [...texts.join('\n').matchAll(pattern)]
  return Object.fromEntries(
    samples.map(([, state = '', count]) => [state, Number(count)]).filter(([, count]) => count),
  ) as Record<string, number>
}

/** `REASON KIND/NAME: MESSAGE` of all events that podtap recorded in a namespace about coverage. */
export async function driftEvents(namespace: string): Promise<readonly string[]> {
  const events = await recordedDrift(namespace)
  return events
    .map(({ reason, involvedObject: { kind, name }, message }) => {
      return `${reason} ${kind}/${name}: ${message}`
    })
    .sort()
}

/** How often each of them was told: `KIND/NAME COUNT`. */
export async function driftCounts(namespace: string): Promise<readonly string[]> {
  const events = await recordedDrift(namespace)
  return events
    .map(({ involvedObject: { kind, name }, count }) => `${kind}/${name} ${count}`)
    .sort()
}

async function recordedDrift(namespace: string): Promise<readonly RecordedEvent[]> {
  const { items } = await get<{ items: readonly RecordedEvent[] }>('-n', namespace, 'events')
  return items.filter(
    ({ reason, source }) => source?.component === 'podtap' && reason.startsWith('Podtap'),
  )
}

interface RecordedEvent {
  readonly reason: string
  readonly count: number
  readonly message: string
  readonly source?: { readonly component?: string }
  readonly involvedObject: { readonly kind: string; readonly name: string }
}

/** What was seen of the Deployments of a namespace while they were watched. */
export interface RolloutHistory {
  /** For each change, the names of those whose rollout was under way, in alphabetical order. */
  readonly rolling: readonly string[]
  /** The fewest pods of each that were available at a time. */
  readonly fewest: ReadonlyMap<string, number>
}

/** Watches the Deployments of a namespace while `work` goes on. */
export async function historyDuring(
  namespace: string,
  work: () => Promise<unknown>,
): Promise<RolloutHistory> {
  const rolling: string[] = []
  const fewest = new Map<string, number>()
  const ending = new AbortController()
  const { credentials } = openKubeconfig([process.env['KUBECONFIG'] ?? ''], undefined)
  const client = new KubeClient(credentials)
  const target = {
    path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
    select: (object: JsonObject) => rolloutProgress({ ...object, kind: 'Deployment' }),
  }
  const listed = Promise.withResolvers<undefined>()
  const watching = watchObjects(client, target, {
    signal: ending.signal,
    listener: {
      onChange: (items) => {
        const names = [...items].filter(([, { complete }]) => !complete).map(([key]) => key)
        rolling.push(names.sort().join())
        for (const [key, { available }] of items) {
          fewest.set(key, Math.min(fewest.get(key) ?? available, available))
        }
        listed.resolve(undefined)
      },
      onError: () => undefined,
      onRecovered: () => undefined,
    },
  })
  await listed.promise
  await work()
  ending.abort()
  await watching
  client.close()
  return { rolling, fewest }
}

async function metricsText(pod: string): Promise<string> {
  const path = `/api/v1/namespaces/podtap/pods/https:${pod}:10250/proxy/metrics`
  return kubectl('get', '--raw', path)
}
