/** CERTIFICATE=secret in a real cluster: somebody else keeps Secret and caBundle, podtap serves. */
import assert from 'node:assert/strict'
import { after, before, suite, test, type TestContext } from 'node:test'
import type { KeyPair } from '../../webhook/certificates/issue.ts'
import { closeNamespaces, openNamespace, submit, workload } from '../helpers/cluster-laws.ts'
import { installPodtap, kubectl, rollout, until } from '../helpers/cluster.ts'
import {
  foreignAuthority,
  foreignSecret,
  type ForeignSecret,
} from '../helpers/foreign-certificate.ts'
import { failOpenCount } from '../helpers/leader.ts'
import { OWN } from '../helpers/own-objects.ts'
import { startUpdates } from '../helpers/update-stream.ts'
import {
  putGivenSecret,
  putTrusted,
  readSecret,
  readTrusted,
  replicaContainers,
  served,
} from '../helpers/webhook-certificate.ts'

const NS = 'podtap-given'
const WEBHOOK = 'deployment/podtap-webhook'
const HOUR_MS = 3_600_000

suite('a Secret that somebody else keeps', { timeout: 400_000 }, () => {
  let authority: KeyPair
  let lives = 0

  /** Each lives an hour longer than the last, by which replicas tell that they serve it. */
  const issue = (signer: KeyPair): Promise<ForeignSecret> => {
    lives += 1
    return foreignSecret(OWN, { authority: signer, lifeMs: (24 + lives) * HOUR_MS })
  }

  before(async () => {
    await installPodtap()
    await openNamespace(NS)
    authority = await foreignAuthority('Example CA 1')
  })
  after(async () => {
    await closeNamespaces(NS)
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'CERTIFICATE-', 'TRUST_DELAY-')
    await rollout('podtap', 'podtap-webhook')
    // Only now: those who lead with CERTIFICATE=secret make none, and new ones would wait for it.
    await kubectl('-n', 'podtap', 'delete', 'secret', 'podtap-webhook-tls', '--ignore-not-found')
    await until('a Secret of podtap', async () => (await readSecret())?.['ca.key'] !== undefined)
  })

  test('is served as soon as the caBundle trusts it, and a Deployment is injected', async () => {
    const given = await issue(authority)
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'CERTIFICATE=secret', 'TRUST_DELAY=2s')
    await putTrusted(`${await readTrusted()}\n${given['ca.crt']}`)
    await putGivenSecret(given)
    await rollout('podtap', 'podtap-webhook')

    await served(given['tls.crt'])
    await putTrusted(given['ca.crt'])
    await until('an injected Deployment', isInjected)

    assert.deepEqual(await readSecret(), given)
    assert.equal(await readTrusted(), given['ca.crt'])
  })

  test('that gets another key pair of its authority is served anew, without a lost review', async (t) => {
    const given = await issue(authority)

    await losesNothing(t, async () => {
      await putGivenSecret(given)
      await served(given['tls.crt'])
    })

    assert.deepEqual(await readSecret(), given)
    assert.equal(await readTrusted(), given['ca.crt'])
  })

  test('that gets another authority, trusted beside the old one first, loses no review', async (t) => {
    const next = await foreignAuthority('Example CA 2')
    const given = await issue(next)

    await losesNothing(t, async () => {
      await putTrusted(`${authority.cert}\n${next.cert}`)
      await putGivenSecret(given)
      await served(given['tls.crt'])
      await putTrusted(next.cert)
      await until('an injected Deployment', isInjected)
    })

    assert.deepEqual(await readSecret(), given)
    assert.equal(await readTrusted(), next.cert)
    authority = next
  })
})

/** Carries `change` out under a stream of updates; every one is to be injected, by the same replicas. */
async function losesNothing(t: TestContext, change: () => Promise<void>): Promise<void> {
  const [containers, failedBefore] = [await replicaContainers(), await failOpenCount()]
  const stream = await startUpdates(NS)
  const began = Date.now()
  await change()
  const seconds = (Date.now() - began) / 1000
  // What comes next is asked over new connections, too.
  const { accepted } = stream.counts
  await until('more updates', () => Promise.resolve(stream.counts.accepted > accepted + 20))
  const counts = await stream.stop()
  const failed = (await failOpenCount()) - failedBefore

  t.diagnostic(`${seconds.toFixed(1)} s, ${counts.accepted} updates, ${failed} failed reviews`)
  assert.deepEqual([...counts.bare, ...counts.twice], [])
  assert.equal(failed, 0)
  assert.deepEqual(await replicaContainers(), containers)
  const names = Array.from({ length: 4 }, (_, i) => `deployment/web-${i + 1}`)
  await kubectl('-n', NS, 'delete', ...names, '--wait=true')
}

async function isInjected(): Promise<boolean> {
  const args = ['-n', NS, 'create', '-f', '-', '--dry-run=server', '-o', 'json']
  return (await submit(workload('Deployment/web'), ...args)).stdout.includes('"name": "podtap"')
}
