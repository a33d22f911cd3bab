/** Pods that are not mirrored as they should be: counted, told, and mended on request. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { podtap, type CliEnd } from '../helpers/cli.ts'
import { countedPods, driftEvents, historyDuring } from '../helpers/cluster-coverage.ts'
import {
  closeNamespaces,
  look,
  openNamespace,
  submit,
  template,
  workload,
} from '../helpers/cluster-laws.ts'
import { get, kubectl, rollout, until, installPodtap } from '../helpers/cluster.ts'

const NS = 'podtap-coverage'
const FORMER = 'podtap-coverage-former'
/** Small sidecars, so that all of this fits beside everything else. */
const SIZE = { 'podtap.dev/cpu': '20m', 'podtap.dev/memory': '128Mi' }
const ENABLED = { 'podtap.dev/inject': 'enabled', ...SIZE }

suite('coverage', { timeout: 900_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS, { annotations: SIZE })
    await openNamespace(FORMER, { annotations: ENABLED })
    // Before the namespace is enabled.
    await deploy('early')
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')
    await deploy('current', { annotations: { 'podtap.dev/vni': '1' } })
    await deploy('stale')
    await deploy('former', { namespace: FORMER })
    await withoutWebhook(async () => {
      await deploy('missed', { replicas: 2 })
      await submit(barePod(), '-n', NS, 'create', '-f', '-')
    })
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/vni=7')
    await kubectl('annotate', 'namespace', FORMER, 'podtap.dev/inject-')
    const budget = ['--selector=app=missed', '--min-available=1']
    await kubectl('-n', NS, 'create', 'poddisruptionbudget', 'missed', ...budget)
  })
  after(() => closeNamespaces(NS, FORMER))

  test('the leader counts pods by state, also where sidecars are left', async () => {
    await counted(NS, { mirrored: 1, stale: 1, missed: 4 })
    await counted(FORMER, { unwanted: 1 })
  })

  test('each workload that drifts has one event, with what mends it', async () => {
    const missed = 'made while podtap was away or before the namespace was enabled'
    const restart = (name: string): string => `kubectl -n ${NS} rollout restart deployment/${name}`
    const expected = [
      `PodtapMissed Deployment/early: no sidecar in 1 of 1 pods, ${missed}; ${restart('early')}`,
      `PodtapMissed Deployment/missed: no sidecar in 2 of 2 pods, ${missed}; ${restart('missed')}`,
      `PodtapMissed Pod/alone: no sidecar in 1 of 1 pods, ${missed}; whoever made it has to make it anew`,
      `PodtapStale Deployment/stale: a sidecar with older settings in 1 of 1 pods; ${restart('stale')}`,
    ]

    await until(
      'the events of the namespace',
      async () => (await driftEvents(NS)).length >= expected.length,
      180_000,
    )
    assert.deepEqual(await driftEvents(NS), expected)
  })

  test('refresh shows what it would do, and does nothing without --yes', async () => {
    const { stdout, code } = await refresh()

    assert.deepEqual(words(stdout), [
      'NAMESPACE WORKLOAD STATE PODS ACTION REMARK',
      `${NS} deployment/early missed 1/1 restart`,
      `${NS} deployment/missed missed 2/2 restart`,
      `${NS} deployment/stale stale 1/1 restart`,
      `${NS} pod/alone missed 1/1 leave must be made anew by whoever made it`,
    ])
    assert.equal(code, 1)
    assert.deepEqual((await look(NS, 'deployment/missed')).containers, ['web'])
  })

  test('a budget that permits no disruption is waited for, and respected', async () => {
    await kubectl('-n', NS, 'patch', 'poddisruptionbudget/missed', '-p', minAvailable(2))
    await budgetAllows(0)
    const { generation } = await look(NS, 'deployment/missed')

    const { stdout, code } = await refresh('deployment/missed', '--yes', '--timeout', '3s')

    assert.match(stdout, /waits: PodDisruptionBudget missed allows 0 disruptions now, .* needs 1$/m)
    assert.match(stdout, /^refreshed: 0, left: 1$/m)
    assert.equal(code, 1)
    assert.equal((await look(NS, 'deployment/missed')).generation, generation)
    await kubectl('-n', NS, 'patch', 'poddisruptionbudget/missed', '-p', minAvailable(1))
    await budgetAllows(1)
  })

  test('refresh mends one workload at a time, within the budget', async (t) => {
    let end: CliEnd | undefined

    const { rolling, fewest } = await historyDuring(NS, async () => {
      end = await refresh('--yes')
    })

    t.diagnostic(end?.stdout ?? '')
    assert.match(end?.stdout ?? '', /^refreshed: 3, left: 1$/m)
    assert.equal(end?.code, 1, 'the bare pod is left')
    const names = ['early', 'missed', 'stale'].map((name) => `${NS}/${name}`)
    assert.deepEqual([...new Set(rolling)].sort(), ['', ...names], 'never two at a time')
    assert.ok((fewest.get(`${NS}/missed`) ?? 0) >= 1)
    await counted(NS, { mirrored: 5, missed: 1 })
  })

  test('the other pods were not touched, and a second refresh does nothing', async () => {
    await kubectl('-n', NS, 'delete', 'pod', 'alone')
    const before = await generations()

    const { stdout, code } = await refresh('--yes')

    assert.equal(stdout, 'nothing to refresh: 4 workloads are as they should be\n')
    assert.equal(code, 0)
    assert.deepEqual(await generations(), before)
    assert.equal(before['current'], '1')
  })

  test('a namespace that was disabled loses its sidecars, and is no longer counted', async () => {
    const { stdout, code } = await podtapIn(FORMER, '--yes')

    assert.match(stdout, /^refreshed: 1, left: 0$/m)
    assert.equal(code, 0)
    assert.deepEqual((await look(FORMER, 'deployment/former')).containers, ['web'])
    await counted(FORMER, {})
  })
})

interface Parts {
  readonly namespace?: string
  readonly replicas?: number
  readonly annotations?: JsonObject
}

/** A Deployment whose pods are told from others by the label `app`, rolled out. */
async function deploy(
  name: string,
  { namespace = NS, replicas = 1, annotations = {} }: Parts = {},
): Promise<void> {
  const labels = { app: name }
  const of = { ...template(), metadata: { labels, annotations } }
  const strategy = { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } }
  const spec = { replicas, selector: { matchLabels: labels }, strategy }
  await submit(workload(`Deployment/${name}`, { of, spec }), '-n', namespace, 'create', '-f', '-')
  await rollout(namespace, name)
}

function barePod(): JsonObject {
  return { apiVersion: 'v1', kind: 'Pod', ...template(), metadata: { name: 'alone' } }
}

/** Does `work` while no replica of the webhook runs; then all are back. */
async function withoutWebhook(work: () => Promise<void>): Promise<void> {
  const webhook = ['-n', 'podtap', 'deployment/podtap-webhook'] as const
  const { spec } = await get<{ spec: { replicas: number } }>(...webhook)
  await kubectl('scale', ...webhook, '--replicas=0')
  const label = '-lapp.kubernetes.io/name=podtap-webhook'
  await kubectl('-n', 'podtap', 'wait', '--for=delete', 'pod', label, '--timeout=90s')
  try {
    await work()
  } finally {
    await kubectl('scale', ...webhook, `--replicas=${spec.replicas}`)
    await rollout('podtap', 'podtap-webhook')
  }
}

async function counted(namespace: string, expected: Record<string, number>): Promise<void> {
  let seen: unknown
  const isSeen = async (): Promise<boolean> => {
    seen = await countedPods(namespace)
    return JSON.stringify(Object.entries(seen as object).sort()) === text
  }
  const text = JSON.stringify(Object.entries(expected).sort())
  await until(`${text} in ${namespace}`, isSeen, 150_000).catch((error: unknown) => {
    throw new Error(`expected ${text}, last seen ${JSON.stringify(seen)}`, { cause: error })
  })
}

async function budgetAllows(disruptions: number): Promise<void> {
  await until(`a budget that allows ${disruptions}`, async () => {
    const budget = await get<{ status: { disruptionsAllowed: number } }>('-n', NS, 'pdb/missed')
    return budget.status.disruptionsAllowed === disruptions
  })
}

function minAvailable(pods: number): string {
  return JSON.stringify({ spec: { minAvailable: pods } })
}

async function generations(): Promise<Readonly<Record<string, string>>> {
  const lines = '{range .items[*]}{.metadata.name}={.metadata.generation}{"\\n"}{end}'
  const text = await kubectl('-n', NS, 'get', 'deployments', '-o', `jsonpath=${lines}`)
  const rows = text.trim().split('\n')
  return Object.fromEntries(rows.map((row) => row.split('=') as [string, string]))
}

async function refresh(...args: readonly string[]): Promise<CliEnd> {
  return podtapIn(NS, ...args)
}

async function podtapIn(namespace: string, ...args: readonly string[]): Promise<CliEnd> {
  const environment = { KUBECONFIG: process.env['KUBECONFIG'] }
  return podtap(['refresh', '-n', namespace, ...args], { environment })
}

/** Lines with one space between words. */
function words(text: string): readonly string[] {
  const lines = text.trimEnd().split('\n')
  return lines.map((line) => line.split(/ {2,}/).join(' '))
}
