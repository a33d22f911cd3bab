import assert from 'node:assert/strict'
import type { SecureContextOptions } from 'node:tls'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { createLogger } from '../../../../lib/logger.ts'
import { Certificates } from '../../../../webhook/certificates/certificates.ts'
import { isTrusted, splitPem } from '../../../../webhook/certificates/inspect.ts'
import type { CertificateSettings } from '../../../../webhook/certificates/settings.ts'
import { arrayAt, textAt } from '../../../../webhook/admission/json.ts'
import { foreignSecret } from '../../../helpers/foreign-certificate.ts'
import { clientOf } from '../../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../../helpers/kube-store.ts'
import { OWN, PATHS } from '../../../helpers/own-objects.ts'
import { until } from '../../../helpers/until.ts'

const DAY = 24 * 3_600_000
const YEARS: CertificateSettings = {
  source: 'auto',
  lifeMs: 365 * DAY,
  authorityLifeMs: 3650 * DAY,
  trustDelayMs: 30_000,
}
interface Replica {
  readonly certificates: Certificates
  readonly server: { cert: string }
  readonly problems: string[]
  /** What it said that it put back. */
  readonly restored: string[]
  readonly ending: AbortController
  readonly ended: Promise<unknown>
}

suite('the certificate of two replicas', { timeout: 180_000 }, () => {
  let api: KubeStore
  let replicas: Replica[] = []

  beforeEach(async () => {
    api = await startKubeStore()
    replicas = []
    putConfiguration()
  })
  afterEach(async () => {
    for (const { ending } of replicas) ending.abort()
    await Promise.all(replicas.map(({ ended }) => ended))
    await api.stop()
  })

  const start = (role: 'leader' | 'follower', settings = YEARS): Replica => {
    const server = {
      cert: '',
      setSecureContext: ({ cert }: SecureContextOptions): void => {
        server.cert = cert as string
      },
    }
    const problems: string[] = []
    const restored: string[] = []
    const certificates = new Certificates({
      client: clientOf(api),
      logger: createLogger('test', 'silent'),
      own: OWN,
      settings,
      server,
      onServed: () => undefined,
      onProblem: (problem) => problems.push(problem),
      onRestored: (what) => restored.push(what),
      graceMs: 100,
    })
    const ending = new AbortController()
    const { signal } = ending
    const ended = Promise.all([
      certificates.run(signal),
      ...(role === 'leader' ? [certificates.lead(signal)] : []),
    ])
    const replica = { certificates, server, problems, restored, ending, ended }
    replicas.push(replica)
    return replica
  }
  const ready = (...all: readonly Replica[]): Promise<unknown> =>
    until(
      () => `ready: ${JSON.stringify(all.map(({ certificates }) => certificates.missing))}`,
      () => all.every(({ certificates }) => certificates.missing.length === 0),
      30_000,
    )
  /** Ready, and what was said until then is forgotten. */
  const settled = async (...all: readonly Replica[]): Promise<void> => {
    await ready(...all)
    for (const { problems } of all) problems.length = 0
  }
  const problem = (replica: Replica): Promise<string> =>
    until(
      () => 'a problem',
      () => replica.problems[0],
      30_000,
    )
  const field = (key: string): string => {
    const data = api.get(PATHS.secret)?.['data'] as Record<string, string> | undefined
    return Buffer.from(data?.[key] ?? '', 'base64').toString()
  }
  const caBundle = (): string => {
    const [webhook] = arrayAt(api.get(PATHS.configuration), 'webhooks')
    return Buffer.from(textAt(webhook, 'clientConfig', 'caBundle'), 'base64').toString()
  }
  function putConfiguration(caBundle?: string): void {
    const service = { namespace: 'podtap', name: 'podtap-webhook', path: '/mutate' }
    const encoded = caBundle && { caBundle: Buffer.from(caBundle).toString('base64') }
    const clientConfig = { service, ...(encoded || {}) }
    const webhooks = [{ name: 'inject.podtap.dev', clientConfig }]
    api.put(PATHS.configuration, { metadata: { name: 'podtap' }, webhooks })
  }
  const putSecret = (fields: Record<string, string>, labels = {}): void => {
    const encoded = Object.entries(fields).map(([name, value]) => {
      return [name, Buffer.from(value).toString('base64')]
    })
    const data = Object.fromEntries(encoded) as Record<string, string>
    api.put(PATHS.secret, { metadata: { name: OWN.tlsSecret, labels }, data })
  }
  test('is made by the one that leads, served by both, and trusted', async () => {
    const follower = start('follower')
    const leader = start('leader')

    await ready(leader, follower)

    assert.equal(follower.server.cert, field('tls.crt'))
    assert.equal(leader.server.cert, field('tls.crt'))
    assert.equal(caBundle(), field('ca.crt'))
    assert.ok(isTrusted(field('tls.crt'), caBundle(), new Date()))
    assert.deepEqual(
      api.writes.filter((write) => write.includes('secrets')),
      ['POST /api/v1/namespaces/podtap/secrets'],
    )
    const { type, metadata } = api.get(PATHS.secret)!
    assert.equal(type, 'kubernetes.io/tls')
    assert.deepEqual(metadata['labels'], { 'app.kubernetes.io/managed-by': 'podtap' })
  })

  test('is not made where nobody leads, and /readyz says what is missing', async () => {
    const follower = start('follower')

    assert.match(
      await problem(follower),
      /^Secret podtap\/podtap-webhook-tls: expected a certificate, found no such Secret; the replica that leads makes it$/,
    )
    assert.deepEqual(follower.certificates.missing, [
      'no certificate is served that the API server trusts',
      'Secret podtap/podtap-webhook-tls: expected a certificate, found no such Secret; the replica that leads makes it',
    ])
    assert.deepEqual(api.writes, [])
  })

  test('is rotated by deleting its Secret, with each served one trusted at each moment', async () => {
    const settings = { ...YEARS, trustDelayMs: 100 }
    const all = [start('leader', settings), start('follower', settings)]
    await settled(...all)
    const seen = new Set([field('tls.crt')])

    for (let rotation = 1; rotation <= 5; rotation += 1) {
      api.remove(PATHS.secret)
      await until(
        () => `rotation ${rotation}`,
        () => {
          for (const { server } of all) {
            assert.ok(isTrusted(server.cert, caBundle(), new Date()))
          }
          const { cert } = all[1]!.server
          return field('tls.crt') === cert && !seen.has(cert) && seen.add(cert)
        },
        20_000,
      )
    }

    await ready(...all)
    assert.equal(seen.size, 6)
    assert.deepEqual(all[0]?.restored, [])
    assert.equal(splitPem(caBundle()).length, 6)
    assert.deepEqual(
      all.map(({ certificates }) => certificates.problems),
      [[], []],
    )
  })

  test('is put back where podtap’s own Secret was broken', async () => {
    const all = [start('leader'), start('follower')]
    await ready(...all)
    const before = field('tls.crt')

    putSecret({ 'tls.crt': 'none' }, { 'app.kubernetes.io/managed-by': 'podtap' })
    await api.until(() => field('tls.crt') === before)

    await ready(...all)
    assert.deepEqual([...new Set(all.map(({ server }) => server.cert))], [before])
    await until(
      () => 'that it is told',
      () => all[0]?.restored.length === 1,
    )
    assert.deepEqual(all[0]?.restored, [
      'Secret podtap/podtap-webhook-tls: tls.crt or tls.key is missing; the replica that leads makes a new one',
    ])
  })

  test('goes on being served where its Secret was deleted, until the new one is known', async () => {
    const settings = { ...YEARS, trustDelayMs: 300 }
    const all = [start('leader', settings), start('follower', settings)]
    await ready(...all)
    const before = field('tls.crt')
    const old = caBundle()

    api.remove(PATHS.secret)
    await api.until(() => splitPem(caBundle()).length === 2)
    assert.deepEqual([...new Set(all.map(({ server }) => server.cert))], [before])
    await api.until(() => field('tls.crt') !== before)
    await ready(...all)

    assert.ok(caBundle().includes(old))
  })

  test('of somebody else is served as it is', async () => {
    const pair = await foreignSecret(OWN)
    putSecret(pair)

    const leader = start('leader')
    await ready(leader)

    assert.equal(leader.server.cert, pair['tls.crt'])
    assert.equal(caBundle(), pair['ca.crt'])
    assert.deepEqual(
      api.writes.filter((write) => write.includes('secrets')),
      [],
    )
  })

  test('of somebody else takes over with both authorities trusted meanwhile', async () => {
    const settings = { ...YEARS, trustDelayMs: 300 }
    const all = [start('leader', settings), start('follower', settings)]
    await settled(...all)
    const old = caBundle()
    const pair = await foreignSecret(OWN)

    putSecret(pair)
    await until(
      () => 'both',
      () => splitPem(caBundle()).length === 2,
    )
    assert.ok(caBundle().includes(old.trim()))
    await until(
      () => 'the other certificate at each replica',
      () => all.every(({ server }) => server.cert === pair['tls.crt']),
    )
    assert.equal(splitPem(caBundle()).length, 2)
    await until(
      () => 'the other authority alone',
      () => caBundle() === pair['ca.crt'],
    )

    await ready(...all)
    assert.deepEqual(
      all.map(({ restored, problems }) => [...restored, ...problems]),
      [[], []],
    )
  })

  test('of somebody else is never overwritten, and the old one is served meanwhile', async () => {
    const all = [start('leader'), start('follower')]
    await ready(...all)
    const before = field('tls.crt')
    const writes = api.writes.length
    const good = await foreignSecret(OWN)
    const others = await foreignSecret({ ...OWN, namespace: 'other' })
    const ours = { 'app.kubernetes.io/managed-by': 'podtap' }
    const because = (said: string): string =>
      `Secret podtap/podtap-webhook-tls: ${said}; podtap did not make it, so it stays as it is: ` +
      'repair it, or delete it to have one made'
    const cases = [
      [{ ...good, 'tls.key': others['tls.key'] }, {}, because('key and certificate differ')],
      [others, {}, because('not made for podtap-webhook.podtap.svc')],
      [{ ...good, 'ca.crt': '' }, ours, because('not signed by any authority in ca.crt')],
      [
        { 'tls.crt': 'none', 'tls.key': 'none' },
        {},
        /^Secret podtap\/podtap-webhook-tls: not readable: .*; podtap did not make it/,
      ],
      [{}, {}, because('tls.crt or tls.key is missing')],
    ] as const

    for (const [fields, labels, expected] of cases) {
      for (const { problems } of all) problems.length = 0
      putSecret(fields, labels)
      for (const replica of all) {
        const said = await problem(replica)
        if (typeof expected === 'string') assert.equal(said, expected)
        else assert.match(said, expected)
        assert.deepEqual(replica.certificates.problems, [said])
        assert.deepEqual(replica.certificates.missing, [])
        assert.equal(replica.server.cert, before)
      }
    }
    assert.equal(api.writes.length, writes)
  })

  test('with CERTIFICATE=secret is only read, and waits for a caBundle that trusts it', async () => {
    const pair = await foreignSecret(OWN)
    const leader = start('leader', { ...YEARS, source: 'secret' })
    assert.match(await problem(leader), /found no such Secret; create it$/)
    leader.problems.length = 0

    putSecret({ 'tls.crt': pair['tls.crt'], 'tls.key': pair['tls.key'] })

    assert.equal(
      await problem(leader),
      'MutatingWebhookConfiguration podtap: its caBundle does not trust the certificate of Secret ' +
        'podtap/podtap-webhook-tls; put its authority there, or have cert-manager do so (annotation ' +
        'cert-manager.io/inject-ca-from)',
    )
    putConfiguration(pair['ca.crt'])
    await ready(leader)
    assert.deepEqual(api.writes, [])
  })

  test('of a new authority is served only when the caBundle has trusted that for TRUST_DELAY', async () => {
    const [first, second] = [await foreignSecret(OWN), await foreignSecret(OWN)]
    putSecret(first)
    putConfiguration(first['ca.crt'])
    const leader = start('leader', { ...YEARS, source: 'secret', trustDelayMs: 500 })
    await ready(leader)

    const trustedAt = performance.now()
    putConfiguration(`${first['ca.crt']}\n${second['ca.crt']}`)
    putSecret(second)
    await until(
      () => 'the second certificate',
      () => leader.server.cert === second['tls.crt'],
    )
    assert.ok(performance.now() - trustedAt >= 500)
    assert.deepEqual(leader.certificates.missing, [])

    putConfiguration(first['ca.crt'])
    putSecret(first)
    await until(
      () => 'the first certificate, at once: nobody trusts the second one any more',
      () => leader.server.cert === first['tls.crt'],
    )
    assert.deepEqual(api.writes, [])
  })

  test('is trusted again where somebody changed the caBundle', async () => {
    const leader = start('leader')
    await ready(leader)
    const before = caBundle()

    putConfiguration('nonsense')
    await api.until(() => caBundle() === before)

    await ready(leader)
    await until(
      () => 'that it is told',
      () => leader.restored.length > 0,
    )
    assert.deepEqual(leader.restored, [
      'MutatingWebhookConfiguration podtap: its caBundle was changed by somebody else and is put ' +
        'back; CERTIFICATE=secret leaves it to you',
    ])
  })

  test('stays trusted where the caBundle was changed and the Secret is broken', async () => {
    const leader = start('leader')
    await settled(leader)
    const before = caBundle()
    putSecret({ 'tls.crt': 'none', 'tls.key': 'none' })
    await problem(leader)

    putConfiguration('nonsense')
    await api.until(() => caBundle() === before)

    await ready(leader)
    await until(
      () => 'that it is told',
      () => leader.restored.length === 1,
    )
  })

  test('is still served where the configuration no longer calls us, and that is said', async () => {
    const leader = start('leader')
    await settled(leader)

    api.put(PATHS.configuration, { metadata: { name: 'podtap' }, webhooks: [] })

    assert.equal(
      await problem(leader),
      'MutatingWebhookConfiguration podtap: expected a webhook for the Service ' +
        'podtap/podtap-webhook, found none; apply the manifests',
    )
    assert.equal(leader.server.cert, field('tls.crt'))
    assert.equal(leader.certificates.missing.length, 2)
    putConfiguration()
    await ready(leader)
  })
})
