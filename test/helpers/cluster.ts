/** A real cluster for the tests: kubectl, waiting for what it shows, and the installed podtap. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const execute = promisify(execFile)

/** The application's namespace in manifests/examples. */
export const SHOP = 'shop'

/** Whether the tests run in a cluster that is not theirs, whose control plane they leave alone. */
export const FOREIGN_CLUSTER = Boolean(process.env['PODTAP_TEST_KUBECONFIG'])

/** One frame as the example sensor prints it (see manifests/examples/sensor.yaml). */
export interface DecodedFrame {
  /** Seconds since the epoch at which the sensor captured it. */
  readonly at: number
  readonly vni: number
  readonly line: string
}

/** Runs kubectl and returns its standard output; rejects with its standard error in the message. */
export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await execute('kubectl', args, { maxBuffer: 64 * 2 ** 20, timeout: 180_000 })
  return stdout
}

/** Runs kubectl and returns what it wrote to standard error, where admission warnings go. */
export async function kubectlWarnings(...args: string[]): Promise<string> {
  const { stderr } = await execute('kubectl', args, { timeout: 180_000 })
  return stderr
}

/** Runs kubectl, whose exit status is part of its answer, and returns its standard output. */
export async function kubectlAnyStatus(...args: string[]): Promise<string> {
  const { stdout } = await execute('kubectl', args, { timeout: 60_000 }).catch(
    (error: unknown) => error as { stdout: string },
  )
  return stdout
}

/** The object(s) that `kubectl get … -o json` shows. */
export async function get<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl('get', ...args, '-o', 'json')) as T
}

/** Applies YAML or JSON text. */
export async function apply(manifest: string): Promise<string> {
  return withInput(manifest, 'apply', '-f', '-')
}

/** Runs kubectl with `input` on its standard input. */
export async function withInput(input: string, ...args: string[]): Promise<string> {
  const running = execute('kubectl', args, { timeout: 60_000 })
  running.child.stdin?.end(input)
  return (await running).stdout
}

/** Waits until `probe` returns something other than undefined or false; rejects with `what` after `timeoutMs`. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const seen = await probe()
      if (seen !== undefined && seen !== false) return seen
    } catch (error) {
      last = error
    }
    await delay(100)
  }
  throw new Error(`not seen within ${timeoutMs} ms: ${what}`, { cause: last })
}

/** Installs podtap where that is not done yet, and waits until its webhook runs as the manifests say. */
export async function installPodtap(): Promise<void> {
  await kubectl('apply', '-k', join(ROOT, 'manifests'))
  await rollout('podtap', 'podtap-webhook')
}

/** Installs podtap and the examples afresh and waits until all of it runs; the shop is not enabled. */
export async function installAll(): Promise<void> {
  await installPodtap()
  await removeShop()
  await kubectl('create', 'namespace', SHOP)
  for (const example of ['sensor', 'application', 'opted-out']) await applyExample(example)
  await rollout('podtap-sensor', 'sensor')
  await rollout(SHOP, 'web')
  await rollout(SHOP, 'batch')
}

/** Deletes the application's namespace and waits for its end. */
export async function removeShop(): Promise<void> {
  await kubectl('delete', 'namespace', SHOP, '--ignore-not-found', '--wait=true')
}

/** Applies manifests/examples/NAME.yaml. */
export async function applyExample(name: string): Promise<void> {
  await kubectl('apply', '-f', join(ROOT, `manifests/examples/${name}.yaml`))
}

/** Waits for a Deployment's rollout, and for the pods of older revisions to be gone. */
export async function rollout(namespace: string, deployment: string): Promise<void> {
  await kubectl('-n', namespace, 'rollout', 'status', `deployment/${deployment}`, '--timeout=120s')
  await until(`only new pods of ${namespace}/${deployment}`, async () => {
    const pods = await podsOf(namespace, deployment)
    return pods.length > 0 && pods.every((pod) => pod.metadata.deletionTimestamp === undefined)
  })
}

/** The parts of a pod that the tests look at. */
export interface Pod {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly nodeName: string
    readonly automountServiceAccountToken?: boolean
    readonly containers: readonly Container[]
    readonly initContainers?: readonly Container[]
  }
  readonly status: {
    readonly podIP: string
    readonly qosClass: string
    readonly containerStatuses: readonly ContainerStatus[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
  }
}

interface Container {
  readonly name: string
  readonly resources?: unknown
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
}

interface ContainerStatus {
  readonly name: string
  readonly containerID: string
  readonly restartCount: number
  readonly ready: boolean
}

/** The pods that a Deployment's selector `app` or `run` names, ended ones left out. */
export async function podsOf(namespace: string, name: string): Promise<readonly Pod[]> {
  const list = await get<{ items: readonly Pod[] }>('-n', namespace, 'pods')
  return list.items.filter((pod) =>
    new RegExp(`^${name}-[0-9a-z]+-[0-9a-z]+$`).test(pod.metadata.name),
  )
}

/** The single pod of a Deployment. */
export async function podOf(namespace: string, name: string): Promise<Pod> {
  const pods = await podsOf(namespace, name)
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined)
  if (live.length !== 1) throw new Error(`${namespace}/${name} has ${live.length} pods`)
  return live[0]!
}

/** The names of a pod's containers, native sidecars included. */
export function containerNames(pod: Pod): string[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name)
}

/** The status of the sidecar, wherever in the pod it runs. */
export function sidecarStatus(pod: Pod): ContainerStatus | undefined {
  const all = [...(pod.status.initContainerStatuses ?? []), ...pod.status.containerStatuses]
  return all.find(({ name }) => name === 'podtap')
}

/** Turns injection on for the shop and rolls `deployment`. */
export async function enableAndRestart(deployment = 'web'): Promise<void> {
  await kubectl('annotate', 'namespace', SHOP, 'podtap.dev/inject=enabled', '--overwrite')
  await kubectl('-n', SHOP, 'rollout', 'restart', `deployment/${deployment}`)
  await rollout(SHOP, deployment)
}

/** A shell line that fetches `path` of the example application. */
async function fetchLine(path: string): Promise<string> {
  const address = await kubectl(
    '-n',
    SHOP,
    'get',
    'service',
    'web',
    '-o',
    'jsonpath={.spec.clusterIP}',
  )
  return `printf 'GET ${path} HTTP/1.0\\r\\nHost: web\\r\\n\\r\\n' | nc -w 2 ${address} 80`
}

/** Fetches `path` of the example application from the opted-out pod; returns what it answered. */
export async function fetchFromShop(path: string): Promise<string> {
  const line = await fetchLine(path)
  return kubectl('-n', SHOP, 'exec', 'deployment/batch', '-c', 'batch', '--', 'sh', '-c', line)
}

/** Fetches `path` every 100 ms until `stop` is called. */
export async function steadyRequests(path: string): Promise<{ stop: () => void }> {
  const line = await fetchLine(path)
  const loop = `while :; do ${line}; sleep 0.1; done`
  const args = ['-n', SHOP, 'exec', 'deployment/batch', '-c', 'batch', '--', 'sh', '-c', loop]
  const child: ChildProcess = spawn('kubectl', args, { stdio: 'ignore' })
  return { stop: () => child.kill() }
}

/** What a sensor pod has decoded so far. */
export async function decodedBy(pod: string): Promise<readonly DecodedFrame[]> {
  const log = await kubectl('-n', 'podtap-sensor', 'logs', pod)
  const lines = log.split('\n').map((line) => /^(\d+\.\d+)\s+(\d+|0x[0-9a-f]+)\s/.exec(line))
  return lines
    .filter((match) => match !== null)
    .map((match) => ({ at: Number(match[1]), vni: Number(match[2]), line: match.input }))
}

/** The samples of a pod's /metrics, through the API server's pod proxy: `name{labels}` → value. */
export async function metricsOf(
  pod: string,
  namespace = SHOP,
): Promise<ReadonlyMap<string, number>> {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:14789/proxy/metrics`
  const text = await kubectl('get', '--raw', path)
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  )
}

/** The total of a counter over all its labels. */
export function sumOf(metrics: ReadonlyMap<string, number>, name: string): number {
  const entries = [...metrics].filter(([key]) => key === name || key.startsWith(`${name}{`))
  return entries.reduce((sum, [, value]) => sum + value, 0)
}

/** Runs scripts/cluster with `args`. */
export async function clusterScript(...args: string[]): Promise<string> {
  const { stdout } = await execute(join(ROOT, 'scripts/cluster'), args, { timeout: 120_000 })
  return stdout
}

/** The processes of a container of our own cluster, whose nodes are this machine: pids, in no order. */
export function processesOfContainer(id: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => cgroupOf(pid).includes(id)).map(Number)
}

function cgroupOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
  } catch {
    return '' // It ended between being listed and being read.
  }
}
