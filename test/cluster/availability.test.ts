/** Losing the leader, each replica in turn and the API server, under a stream of real updates. */
import assert from 'node:assert/strict'
import { afterEach, before, beforeEach, suite, test, type TestContext } from 'node:test'
import { closeNamespaces, openNamespace } from '../helpers/cluster-laws.ts'
import {
  FOREIGN_CLUSTER,
  clusterScript,
  kubectl,
  rollout,
  until,
  installPodtap,
} from '../helpers/cluster.ts'
import { failOpenCount, killReplica, leader } from '../helpers/leader.ts'
import { startUpdates, type UpdateCounts, type UpdateStream } from '../helpers/update-stream.ts'

const NS = 'podtap-availability'

/** The Lease's 15 s, and as much again for a busy machine. */
const TAKEOVER_MS = 30_000

/** Until kubelet, endpoints and kube-proxy have taken a killed replica out: some 2 s on an idle machine. */
const OUT_MS = 15_000

suite('a stream of updates', { timeout: 300_000 }, () => {
  let stream: UpdateStream

  before(installPodtap)
  beforeEach(async () => {
    await openNamespace(NS)
    stream = await startUpdates(NS)
  })
  afterEach(async () => {
    await stream.stop()
    await closeNamespaces(NS)
  })

  test('loses no review while all replicas are replaced', async (t) => {
    const failedBefore = await failOpenCount()

    await kubectl('-n', 'podtap', 'rollout', 'restart', 'deployment/podtap-webhook')
    await rollout('podtap', 'podtap-webhook')

    const counts = await stream.stop()
    const failed = (await failOpenCount()) - failedBefore
    report(t, counts, failed)
    assert.ok(counts.accepted > 0)
    assert.deepEqual([...counts.bare, ...counts.twice], [])
    assert.equal(failed, 0)
  })

  // The API server repeats no review, and a Service leads to a killed replica until its endpoint is taken
  // away: with `failurePolicy: Ignore` what comes to it meanwhile goes on without a sidecar.
  test('SIGKILL of the leader fails reviews for a moment only, and the other one leads', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the nodes are not this machine')
      return
    }
    const failedBefore = await failOpenCount()
    const old = await leader()
    const killedAt = Date.now()

    await killReplica(old)
    await until('a new leader', async () => ![old, ''].includes(await leader()), TAKEOVER_MS)

    t.diagnostic(`${((Date.now() - killedAt) / 1000).toFixed(1)} s to a new leader`)
    await rollout('podtap', 'podtap-webhook')
    const counts = await stream.stop()
    const failed = (await failOpenCount()) - failedBefore
    report(t, counts, failed)
    assert.deepEqual(counts.twice, [])
    assert.ok(
      counts.bare.length <= failed,
      'one without a sidecar although its review did not fail',
    )
    assert.deepEqual(
      counts.bare.filter(({ at }) => at > killedAt + OUT_MS),
      [],
    )
  })

  test('loses no review when the API server is restarted', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the control plane is not ours to stop')
      return
    }
    await clusterScript('restart-apiserver')
    const before = stream.counts.accepted
    await until('updates again', () => Promise.resolve(stream.counts.accepted > before + 20))
    await until('a leader', async () => (await leader()) !== '', TAKEOVER_MS)

    const counts = await stream.stop()
    const failed = await failOpenCount()
    report(t, counts, failed)
    assert.deepEqual([...counts.bare, ...counts.twice], [])
    assert.equal(failed, 0)
  })
})

function report(t: TestContext, { accepted, refused, bare }: UpdateCounts, failed: number): void {
  t.diagnostic(`${accepted} updates, ${bare.length} without a sidecar, ${failed} failed reviews`)
  for (const [reason, times] of refused) t.diagnostic(`${times} refused: ${reason}`)
}
