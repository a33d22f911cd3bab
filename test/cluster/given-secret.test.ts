/** CERTIFICATE=secret in a real cluster: somebody else keeps Secret and caBundle, podtap serves. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { KeyPair } from '../../webhook/certificates/issue.ts'
import { closeNamespaces, openNamespace } from '../helpers/cluster-laws.ts'
import { get, installPodtap, kubectl, rollout, until } from '../helpers/cluster.ts'
import {
  foreignAuthority,
  foreignSecret,
  type ForeignSecret,
} from '../helpers/foreign-certificate.ts'
import { losesNothing } from '../helpers/loses-nothing.ts'
import { clearOwnEvents, saidBy } from '../helpers/own-events.ts'
import { OWN } from '../helpers/own-objects.ts'
import {
  isInjected,
  putGivenSecret,
  putTrusted,
  readSecret,
  readTrusted,
  served,
} from '../helpers/webhook-certificate.ts'

const NS = 'podtap-given'
const WEBHOOK = 'deployment/podtap-webhook'
const REPLICAS = 2
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
    await until('an injected Deployment', () => isInjected(NS))

    assert.deepEqual(await readSecret(), given)
    assert.equal(await readTrusted(), given['ca.crt'])
  })

  test('that gets another key pair of its authority is served anew, without a lost review', async (t) => {
    const given = await issue(authority)

    await losesNothing(t, NS, async () => {
      await putGivenSecret(given)
      await served(given['tls.crt'])
    })

    assert.deepEqual(await readSecret(), given)
    assert.equal(await readTrusted(), given['ca.crt'])
  })

  test('that gets another authority, trusted beside the old one first, loses no review', async (t) => {
    const next = await foreignAuthority('Example CA 2')
    const given = await issue(next)

    await losesNothing(t, NS, async () => {
      await putTrusted(`${authority.cert}\n${next.cert}`)
      await putGivenSecret(given)
      await served(given['tls.crt'])
      await putTrusted(next.cert)
      await until('an injected Deployment', () => isInjected(NS))
    })

    assert.deepEqual(await readSecret(), given)
    assert.equal(await readTrusted(), next.cert)
    authority = next
  })

  test('that is broken stays as it is, and what was served is served', async (t) => {
    const good = (await readSecret())!
    const bad = { ...good, 'tls.key': (await issue(authority))['tls.key'] }
    await clearOwnEvents()

    const told = await losesNothing(t, NS, async () => {
      await putGivenSecret(bad)
      return saidBy(REPLICAS, 'CertificateProblem')
    })

    assert.deepEqual(told, [
      'Secret podtap/podtap-webhook-tls: key and certificate differ; with CERTIFICATE=secret it stays as it is: repair it',
    ])
    assert.deepEqual(await readSecret(), bad)
    await putGivenSecret(good)
  })

  test('whose caBundle somebody broke leaves that to its owner: not ready, and why', async () => {
    await clearOwnEvents()
    const bundle = await readTrusted()

    await putTrusted('garbage')
    try {
      assert.deepEqual(await saidBy(REPLICAS, 'CertificateProblem'), [
        'MutatingWebhookConfiguration podtap: its caBundle does not trust the certificate of Secret ' +
          'podtap/podtap-webhook-tls; put its authority there, or have cert-manager do so (annotation ' +
          'cert-manager.io/inject-ca-from)',
      ])
      await until('no ready replica', async () => (await readyReplicas()) === 0)
      assert.equal(await readTrusted(), 'garbage')
    } finally {
      await putTrusted(bundle)
    }
    await until('ready replicas', async () => (await readyReplicas()) === REPLICAS)
    await until('an injected Deployment', () => isInjected(NS))
  })
})

async function readyReplicas(): Promise<number> {
  const { status } = await get<{ status: { readyReplicas?: number } }>(
    ...['-n', 'podtap', 'deployment', 'podtap-webhook'],
  )
  return status.readyReplicas ?? 0
}
