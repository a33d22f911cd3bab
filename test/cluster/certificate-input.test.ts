/** Bad input in a real cluster: what is told, what is put back, what is left alone, what goes on. */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { closeNamespaces, openNamespace } from '../helpers/cluster-laws.ts'
import { get, installPodtap, kubectl, rollout, until } from '../helpers/cluster.ts'
import { foreignSecret } from '../helpers/foreign-certificate.ts'
import { losesNothing } from '../helpers/loses-nothing.ts'
import { clearOwnEvents, ownEvents, saidBy } from '../helpers/own-events.ts'
import { OWN } from '../helpers/own-objects.ts'
import {
  editSecret,
  patchConfiguration,
  putGivenSecret,
  putTrusted,
  readiness,
  readMetric,
  readSecret,
  readTrusted,
  replicaContainers,
  servedExpiries,
} from '../helpers/webhook-certificate.ts'

const NS = 'podtap-bad-input'
const REPLICAS = 2
const HOUR_MS = 3_600_000
const READY = { ready: true, missing: [] }

suite('while somebody else keeps breaking things', { timeout: 400_000 }, () => {
  let expiries: readonly number[]
  let containers: readonly string[]

  before(async () => {
    await installPodtap()
    expiries = await servedExpiries()
    containers = await replicaContainers()
    assert.equal(expiries.length, REPLICAS)
    await openNamespace(NS)
  })
  beforeEach(clearOwnEvents)
  afterEach(async () => {
    assert.deepEqual(await replicaContainers(), containers)
  })
  after(async () => {
    await closeNamespaces(NS)
    await installPodtap()
  })

  suite('in the Secret', () => {
    after(async () => {
      await kubectl('-n', 'podtap', 'delete', 'secret', 'podtap-webhook-tls')
      await until('a Secret of podtap', async () => (await readSecret())?.['ca.key'] !== undefined)
      await until('no problem', async () => (await problemsAbout('certificate')) === 0)
      expiries = await servedExpiries()
    })

    const cases: readonly (readonly [string, () => Promise<JsonObject>, RegExp])[] = [
      [
        'a key that belongs to another certificate',
        async () => {
          const [good, other] = [await foreignSecret(OWN), await foreignSecret(OWN)]
          return { ...good, 'tls.key': other['tls.key'] }
        },
        /key and certificate differ/,
      ],
      [
        'a certificate that has expired',
        () => foreignSecret(OWN, { now: new Date(Date.now() - 3 * HOUR_MS), lifeMs: HOUR_MS }),
        /expired on \w{3} +\d+ [\d:]{8} \d{4} GMT/,
      ],
      [
        'a certificate that was made for another Service',
        () => foreignSecret({ ...OWN, service: 'other' }),
        /not made for podtap-webhook\.podtap\.svc/,
      ],
      [
        'a certificate whose authority is not in ca.crt',
        async () => ({
          ...(await foreignSecret(OWN)),
          'ca.crt': (await foreignSecret(OWN))['ca.crt'],
        }),
        /not signed by any authority in ca\.crt/,
      ],
    ]
    for (const [title, make, expected] of cases) {
      test(`${title} is told once by each replica, never overwritten, and not served`, async (t) => {
        const bad = (await make()) as Record<string, string>
        const bundle = await readTrusted()

        const [message = '', ...others] = await losesNothing(t, NS, async () => {
          await putGivenSecret(bad)
          return saidBy(REPLICAS, 'CertificateProblem')
        })

        t.diagnostic(message)
        assert.match(message, expected)
        assert.match(message, /^Secret podtap\/podtap-webhook-tls: .*; podtap did not make it, so/)
        assert.deepEqual(others, [])
        assert.deepEqual(await readSecret(), bad)
        assert.equal(await readTrusted(), bundle)
        assert.deepEqual(await servedExpiries(), expiries)
        const ready = { ...READY, warnings: [message] }
        assert.deepEqual(await readiness(), [ready, ready])
        assert.equal(await problemsAbout('certificate'), REPLICAS)
        assert.equal((await ownEvents('CertificateProblem')).length, REPLICAS)
        await isInTheLogs(message)
      })
    }
  })

  test('podtap’s own Secret is put back where its key was broken, and that is told', async (t) => {
    const before = await readSecret()

    const told = await losesNothing(t, NS, async () => {
      await editSecret({ 'tls.key': 'garbage' })
      return saidBy(1, 'Restored')
    })

    assert.equal(told.length, 1)
    assert.match(
      told[0]!,
      /^Secret podtap\/podtap-webhook-tls: not readable: .*; the replica that leads makes/,
    )
    assert.deepEqual(await readSecret(), before)
    assert.deepEqual(await servedExpiries(), expiries)
  })

  test('a caBundle of garbage is put back, and that is told', async () => {
    const bundle = await readTrusted()

    await putTrusted('garbage')
    await until('the caBundle', async () => (await readTrusted()) === bundle)

    assert.deepEqual(await saidBy(1, 'Restored'), [
      'MutatingWebhookConfiguration podtap: its caBundle was changed by somebody else and is put ' +
        'back; CERTIFICATE=secret leaves it to you',
    ])
    await until('ready replicas', async () => {
      return JSON.stringify(await readiness()) === JSON.stringify([READY, READY])
    })
  })

  test('other fields of the configuration are told about, by the leader, and left alone', async (t) => {
    const expression = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [NS] }
    const selector = { matchExpressions: [expression] }
    const edit: readonly JsonObject[] = [
      { op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Fail' },
      { op: 'remove', path: '/webhooks/0/rules/1' },
      { op: 'add', path: '/webhooks/0/namespaceSelector', value: selector },
    ]
    await patchConfiguration(...edit)
    const edited = await configurationVersion()

    await until('three problems', async () => (await problemsAbout('configuration')) === 3)
    const messages = await until('three events', async () => {
      const said = await saidBy(1, 'ConfigurationProblem')
      return said.length === 3 && said
    })

    for (const each of messages) t.diagnostic(each)
    const podtap = 'MutatingWebhookConfiguration podtap'
    const yours = 'podtap leaves this field to you: apply the manifests again'
    assert.deepEqual([...messages].sort(), [
      `${podtap}: failurePolicy: expected Ignore, found Fail: while podtap is away nothing can be deployed; ${yours}`,
      `${podtap}: namespaceSelector: expected every enabled namespace, found ${NS} left out: podtap is not asked; ${yours}`,
      `${podtap}: rules: expected CREATE cronjobs.batch, UPDATE cronjobs.batch, found no such rule: podtap is not asked; ${yours}`,
    ])
    assert.equal(await configurationVersion(), edited)

    await patchConfiguration({ op: 'remove', path: '/webhooks/0/namespaceSelector' })
    await installPodtap()
    await until('no problem', async () => (await problemsAbout('configuration')) === 0)
  })

  test('a namespaceSelector that podtap keeps is put back, and that is told', async () => {
    await kubectl('-n', 'podtap', 'set', 'env', 'deployment/podtap-webhook', 'SCOPE=enabled')
    await rollout('podtap', 'podtap-webhook')
    await until('the selector', async () => (await selector()).includes(NS))
    const kept = await selector()
    await clearOwnEvents()

    await patchConfiguration({ op: 'remove', path: '/webhooks/0/namespaceSelector' })
    await until('the selector again', async () => (await selector()) === kept)

    assert.deepEqual(await saidBy(1, 'Restored'), [
      'namespaceSelector of podtap: changed by somebody else, put back',
    ])
    await kubectl('-n', 'podtap', 'set', 'env', 'deployment/podtap-webhook', 'SCOPE-')
    await rollout('podtap', 'podtap-webhook')
    await until('the selector to be given up', async () => !(await selector()).includes(NS))
    containers = await replicaContainers()
  })
})

/** The sum over all replicas. */
async function problemsAbout(about: string): Promise<number> {
  const counts = await readMetric(`podtap_problems{about="${about}"}`)
  return counts.reduce((sum, count) => sum + count, 0)
}

/** The same sentence once in the log of each replica. */
async function isInTheLogs(sentence: string): Promise<void> {
  const pods = (await kubectl('-n', 'podtap', 'get', 'pods', '-o', 'name')).trim().split('\n')
  for (const pod of pods) {
    const lines = (await kubectl('-n', 'podtap', 'logs', pod)).split('\n')
    const told = lines.filter((line) => line.includes(JSON.stringify(sentence)))
    assert.equal(told.filter((line) => line.includes('"level":"error"')).length, 1)
  }
}

async function configurationVersion(): Promise<string> {
  const { metadata } = await get<{ metadata: { resourceVersion: string } }>(
    ...['mutatingwebhookconfiguration', 'podtap'],
  )
  return metadata.resourceVersion
}

async function selector(): Promise<string> {
  const { webhooks } = await get<{ webhooks: readonly JsonObject[] }>(
    ...['mutatingwebhookconfiguration', 'podtap'],
  )
  return JSON.stringify(webhooks[0]?.['namespaceSelector'])
}
