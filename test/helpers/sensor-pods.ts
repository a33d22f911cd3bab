/** Sensors and mirrored applications as bare pods, on nodes of the test's choice. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KubeClient } from '../../lib/kube/client.ts'
import type { KubeSecrets } from '../../lib/kube/credentials.ts'
import { kubeconfigCredentials } from '../../lib/kube/kubeconfig.ts'
import { loadConfig } from '../../lib/config.ts'
import { SIDECAR_NAME, type EngineName } from '../../sidecar/contract.ts'
import { inject } from '../../webhook/admission/inject.ts'
import {
  DEFAULT_IMAGE,
  SIDECAR_SCHEMA,
  sidecarSettings,
} from '../../webhook/admission/installation.ts'
import { arrayAt, isObject, objectAt, type JsonObject } from '../../webhook/admission/json.ts'
import {
  apply,
  kubectl,
  metricsOf,
  processesOfContainer,
  sumOf,
  until,
  type Pod,
} from './cluster.ts'
import { PodLog } from './pod-log.ts'

/** Where the mirrored pods of these tests are. */
export const APPS = 'podtap-test-apps'

/** Where their sensors are. */
export const SENSORS = 'podtap-test-sensors'

/** One numbered datagram at a sensor. */
export interface Sighting {
  readonly sensor: string
  readonly talker: string
  readonly number: number
  /** Milliseconds since 1970, by the sensor's clock. */
  readonly at: number
}

/** A client of the cluster that kubectl talks to, as whom the kubeconfig says or by `token`. */
export function clusterClient(token?: string): KubeClient {
  const credentials = kubeconfigCredentials(process.env['KUBECONFIG'] ?? '')
  if (token === undefined) return new KubeClient(credentials)
  const read = async (): Promise<KubeSecrets> => {
    const { ca = '' } = (await credentials.read()).tls
    return { authorization: `Bearer ${token}`, tls: { ca } }
  }
  return new KubeClient({ server: credentials.server, read })
}

/** Makes both namespaces afresh, with the rights that the manifests give to sidecars. */
export async function openNamespaces(): Promise<void> {
  await closeNamespaces()
  const role = readFileSync(
    join(import.meta.dirname, '../../manifests/base/sensor-access.yaml'),
    'utf8',
  ).split('\n---\n')[0]
  for (const namespace of [APPS, SENSORS]) {
    await kubectl('create', 'namespace', namespace)
    await kubectl('-n', namespace, 'wait', '--for=create', 'serviceaccount/default')
    await kubectl('-n', namespace, 'wait', '--for=create', 'configmap/kube-root-ca.crt')
  }
  await apply((role ?? '').replace('namespace: podtap-sensor', `namespace: ${SENSORS}`))
  await kubectl(
    ...['-n', SENSORS, 'create', 'rolebinding', 'podtap-sensor-reader'],
    ...['--role=podtap-sensor-reader', `--group=system:serviceaccounts:${APPS}`],
  )
}

/** Deletes both namespaces and waits for their end. */
export async function closeNamespaces(): Promise<void> {
  await kubectl('delete', 'namespace', APPS, SENSORS, '--ignore-not-found', '--wait=true')
}

/** How a sensor differs from others. */
export interface SensorOptions {
  readonly labels?: Readonly<Record<string, string>>
  /** Whether it has its node's network, and no address of its own. */
  readonly hostNetwork?: boolean
}

/** Pods that see what the applications say. Create one per suite, and close() it. */
export class SensorPods {
  readonly #client: KubeClient
  readonly #logs = new Map<string, PodLog>()
  /** All that any sensor has seen, in the order in which it is known here. */
  readonly sightings: Sighting[] = []

  constructor(client: KubeClient) {
    this.#client = client
  }

  /** Starts a sensor, waits until it is ready and returns its pod. */
  async add(
    name: string,
    node: string,
    { labels = {}, hostNetwork = false }: SensorOptions = {},
  ): Promise<Pod> {
    const probe = { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1, failureThreshold: 1 }
    const container = { ...program('sensor'), readinessProbe: { ...probe, timeoutSeconds: 5 } }
    const metadata = { name, namespace: SENSORS, labels: { run: 'test', ...labels } }
    await createPod({ metadata, spec: { ...podSpec(node, [container]), hostNetwork } })
    await kubectl('-n', SENSORS, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s')
    this.#follow(name)
    return this.pod(name)
  }

  /** A sensor's pod as it is now. */
  async pod(name: string): Promise<Pod> {
    return (await this.#client.request(podPath(name))) as Pod
  }

  /** Deletes a sensor; resolves when the API has noted it, while the pod still ends. */
  async remove(name: string): Promise<void> {
    this.#logs.get(name)?.endsSoon()
    await this.#client.request(podPath(name), { method: 'DELETE' })
  }

  /** Waits until a sensor's pod is gone. */
  async gone(name: string): Promise<void> {
    await kubectl('-n', SENSORS, 'wait', '--for=delete', `pod/${name}`, '--timeout=60s')
  }

  /** Evicts a sensor, as `kubectl drain` does. */
  async evict(name: string): Promise<void> {
    this.#logs.get(name)?.endsSoon()
    const metadata = { name, namespace: SENSORS }
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata }
    await this.#client.request(`${podPath(name)}/eviction`, { method: 'POST', body })
  }

  /** Gives a pod the sensors' label, or takes it away: the quickest event there is. */
  async label(name: string, isSensor: boolean): Promise<void> {
    const body = { metadata: { labels: { run: isSensor ? 'test' : null } } }
    const contentType = 'application/merge-patch+json'
    await this.#client.request(podPath(name), { method: 'PATCH', body, contentType })
  }

  /** Makes a sensor ready or not (its kubelet notices within a second), opens or closes its port. */
  async tell(name: string, order: 'ready' | 'unready' | 'open' | 'close'): Promise<void> {
    await this.#client.request(`${podPath(`${name}:8080`)}/proxy/${order}`, { method: 'POST' })
  }

  /** Drops all mirrored frames that reach a sensor, or no longer; only where the nodes are this machine. */
  async drop(name: string, isDropping: boolean): Promise<void> {
    const { status } = await this.pod(name)
    const [pid] = processesOfContainer(status.containerStatuses[0]!.containerID.split('//')[1]!)
    const nft = (command: string): void => {
      execFileSync('nsenter', [`--target=${pid}`, '--net', 'nft', command], { stdio: 'pipe' })
    }
    if (!isDropping) {
      nft('delete table inet lost')
      return
    }
    nft('add table inet lost')
    nft('add chain inet lost input { type filter hook input priority 0; }')
    nft('add rule inet lost input udp dport 4789 drop')
  }

  /** The sensor that has seen the last frame of the pod `talker`. */
  current(): string {
    return this.sightings.findLast(({ talker }) => talker === 'talker')?.sensor ?? ''
  }

  /** Waits for a frame of the pod `talker` that `sensor` saw after `since`; returns when that was. */
  async seenBy(sensor: string, since: number, timeoutMs = 20_000): Promise<number> {
    const isWanted = (each: Sighting): boolean => {
      return each.sensor === sensor && each.talker === 'talker' && each.at > since
    }
    const what = `frames at ${sensor} after ${new Date(since).toISOString()}`
    return until(what, () => Promise.resolve(this.sightings.find(isWanted)?.at), timeoutMs)
  }

  /** Datagrams that were seen more than once, and by whom. */
  seenTwice(): readonly string[] {
    const byDatagram = Map.groupBy(this.sightings, ({ talker, number }) => `${talker} ${number}`)
    return [...byDatagram]
      .filter(([, seen]) => seen.length > 1)
      .map(([datagram, seen]) => `${datagram}: ${seen.map(({ sensor }) => sensor).join(', ')}`)
  }

  /** Ends what follows the sensors. */
  close(): void {
    for (const log of this.#logs.values()) log.close()
  }

  #follow(sensor: string): void {
    this.#logs.get(sensor)?.endsSoon()
    const log = new PodLog(SENSORS, sensor, (line) => {
      const [talker, number, at] = line.split(' ')
      if (talker === undefined || at === undefined) return
      this.sightings.push({ sensor, talker, number: Number(number), at: Number(at) })
    })
    this.#logs.set(sensor, log)
  }
}

/** What a mirrored pod's sidecar has counted, in frames. */
export async function countsOf(
  pod: string,
): Promise<{ readonly captured: number; readonly sent: number; readonly dropped: number }> {
  const metrics = await metricsOf(pod, APPS)
  const total = (what: string): number => sumOf(metrics, `podtap_frames_${what}_total`)
  return { captured: total('captured'), sent: total('sent'), dropped: total('dropped') }
}

/** Starts a pod that hears what the others say; returns its address. */
export async function addListener(node: string, name = 'listener'): Promise<string> {
  await createPod({
    metadata: { name, namespace: APPS },
    spec: podSpec(node, [program('talker')]),
  })
  return (await ready(name)).status.podIP
}

/** Starts a pod without a sidecar that talks to `target`, and waits until it is ready. */
export async function addPlainTalker(name: string, node: string, target: string): Promise<Pod> {
  const container = { ...program('talker'), env: [{ name: 'TARGET', value: target }] }
  await createPod({ metadata: { name, namespace: APPS }, spec: podSpec(node, [container]) })
  return ready(name)
}

/** How a mirrored pod differs from others. */
export interface TalkerOptions {
  /** Who listens to it. */
  readonly target: string
  readonly labels?: JsonObject
  /** ENGINE of its sidecar; the default unless given. */
  readonly engine?: EngineName
}

/** Starts a mirrored pod that talks to `target`, and waits until all of it is ready. */
export async function addTalker(
  name: string,
  node: string,
  { target, labels = {}, engine }: TalkerOptions,
): Promise<Pod> {
  const variables = { SENSOR: 'test', SENSOR_NAMESPACE: SENSORS }
  const settings = sidecarSettings(loadConfig(SIDECAR_SCHEMA, variables))
  const container = { ...program('talker'), env: [{ name: 'TARGET', value: target }] }
  const metadata = { name, namespace: APPS, labels, ownerReferences: [await anyOwner()] }
  const pod = inject({ metadata, spec: podSpec(node, [container]) }, settings)
  await createPod(engine === undefined ? pod : withEngine(pod, engine))
  return ready(name)
}

function withEngine(pod: JsonObject, engine: EngineName): JsonObject {
  const spec = objectAt(pod, 'spec')
  const containers = arrayAt(spec, 'containers').filter(isObject)
  const variable = { name: 'ENGINE', value: engine }
  const changed = containers.map((container) => {
    const env = arrayAt(container, 'env')
    return container['name'] === SIDECAR_NAME
      ? { ...container, env: [...env, variable] }
      : container
  })
  return { ...pod, spec: { ...spec, containers: changed } }
}

/** The webhook takes the sidecar off pods of namespaces that are not enabled, unless they have an owner. */
async function anyOwner(): Promise<JsonObject> {
  const name = 'kube-root-ca.crt'
  const path = ['-n', APPS, 'get', 'configmap', name, '-o', 'jsonpath={.metadata.uid}']
  return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: await kubectl(...path) }
}

async function ready(name: string): Promise<Pod> {
  await kubectl('-n', APPS, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s')
  return JSON.parse(await kubectl('-n', APPS, 'get', 'pod', name, '-o', 'json')) as Pod
}

async function createPod(pod: JsonObject): Promise<void> {
  await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...pod }))
}

/** A container that runs a program of in-pod/ by the sidecar's node. */
function program(name: 'sensor' | 'talker'): JsonObject {
  const source = readFileSync(join(import.meta.dirname, `in-pod/${name}.ts`), 'utf8')
  return {
    name: 'main',
    image: DEFAULT_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '--input-type=module-typescript', '--eval', source],
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  }
}

function podSpec(nodeName: string, containers: readonly JsonObject[]): JsonObject {
  return {
    nodeName,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 2,
    restartPolicy: 'Never',
    containers,
  }
}

function podPath(name: string): string {
  return `/api/v1/namespaces/${SENSORS}/pods/${name}`
}
