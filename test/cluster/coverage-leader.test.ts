/** Coverage outlives its leader: the next one counts the same pods, and tells nothing twice. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { countedPods, driftCounts } from '../helpers/cluster-coverage.ts'
import {
  closeNamespaces,
  openNamespace,
  submit,
  template,
  workload,
} from '../helpers/cluster-laws.ts'
import { FOREIGN_CLUSTER, installPodtap, kubectl, rollout, until } from '../helpers/cluster.ts'
import { killReplica, leader } from '../helpers/leader.ts'

const NS = 'podtap-coverage-leader'
const NAMES = ['one', 'two', 'three']

/** The Lease's 15 s, a look at everything, and as much again for a busy machine. */
const TAKEOVER_MS = 60_000
/** Drift is told when it has lasted for half a minute. */
const TOLD_MS = 120_000

suite('coverage when its leader is killed', { timeout: 600_000, skip: FOREIGN_CLUSTER }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS, { annotations: {} })
    for (const name of NAMES) await deploy(name)
    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')
    await until('all are counted', areCounted)
  })
  after(() => closeNamespaces(NS))

  test('before it told of anything: the next one counts the same, and tells', async (t) => {
    t.diagnostic(`${await replaceLeader()} s until the next leader counted the same`)

    await until('all are told', async () => (await driftCounts(NS)).length >= NAMES.length, TOLD_MS)
    assert.deepEqual(await driftCounts(NS), expected(1))
  })

  test('after that: the next one counts up what was told, and adds nothing', async (t) => {
    t.diagnostic(`${await replaceLeader()} s until the next leader counted the same`)

    const isToldAgain = async (): Promise<boolean> =>
      !(await driftCounts(NS)).some((told) => told.endsWith(' 1'))
    await until('all are told again', isToldAgain, TOLD_MS)
    assert.deepEqual(await driftCounts(NS), expected(2))
  })
})

async function deploy(name: string): Promise<void> {
  const labels = { app: name }
  const of = { ...template(), metadata: { labels } }
  const spec = { replicas: 1, selector: { matchLabels: labels } }
  const manifest = workload(`Deployment/${name}`, { of, spec })
  await submit(manifest, '-n', NS, 'create', '-f', '-')
  await rollout(NS, name)
}

/** Kills the leader; returns after how many seconds another replica counted what it had counted. */
async function replaceLeader(): Promise<string> {
  const old = await leader()
  const since = Date.now()
  await killReplica(old)
  await until('a new leader', async () => ![old, ''].includes(await leader()), TAKEOVER_MS)
  await until('the same counts', areCounted, TAKEOVER_MS)
  const seconds = ((Date.now() - since) / 1000).toFixed(1)
  await rollout('podtap', 'podtap-webhook')
  return seconds
}

async function areCounted(): Promise<boolean> {
  const counts = await countedPods(NS)
  return JSON.stringify(counts) === JSON.stringify({ missed: NAMES.length })
}

function expected(count: number): readonly string[] {
  return NAMES.map((name) => `Deployment/${name} ${count}`).sort()
}
