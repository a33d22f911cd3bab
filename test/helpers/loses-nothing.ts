/** That no review is lost while something changes. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { kubectl, until } from './cluster.ts'
import { failOpenCount } from './leader.ts'
import { startUpdates } from './update-stream.ts'
import { replicaContainers } from './webhook-certificate.ts'

/** So many updates are asked about after the change, over new connections too. */
const AFTERWARDS = 20

/**
 * Carries `change` out under a stream of updates in an enabled namespace. Each is to be injected once, no
 * review to fail, and the same replicas to answer, not restarted. Returns what `change` does.
 */
export async function losesNothing<T>(
  t: TestContext,
  namespace: string,
  change: () => Promise<T>,
): Promise<T> {
  const [containers, failedBefore] = [await replicaContainers(), await failOpenCount()]
  const stream = await startUpdates(namespace)
  const began = Date.now()
  let outcome: T
  let seconds: number
  try {
    outcome = await change()
    seconds = (Date.now() - began) / 1000
    const { accepted } = stream.counts
    await until('more updates', () =>
      Promise.resolve(stream.counts.accepted > accepted + AFTERWARDS),
    )
  } finally {
    await stream.stop()
    await kubectl('-n', namespace, 'delete', 'deployments', '--all', '--wait=true')
  }
  const { accepted, bare, twice } = stream.counts
  const failed = (await failOpenCount()) - failedBefore

  t.diagnostic(`${seconds.toFixed(1)} s, ${accepted} updates, ${failed} failed reviews`)
  assert.deepEqual([...bare, ...twice], [])
  assert.equal(failed, 0)
  assert.deepEqual(await replicaContainers(), containers)
  return outcome
}
