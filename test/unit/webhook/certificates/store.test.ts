import assert from 'node:assert/strict'
import { after, before, beforeEach, suite, test } from 'node:test'
import { KubeClient } from '../../../../lib/kube/client.ts'
import { inspect, splitPem } from '../../../../webhook/certificates/inspect.ts'
import { issueAuthority, issueCertificate } from '../../../../webhook/certificates/issue.ts'
import { CertificateStore } from '../../../../webhook/certificates/store.ts'
import { startKubeStore, type KubeStore, type StoredObject } from '../../../helpers/kube-store.ts'
import { OWN, PATHS } from '../../../helpers/own-objects.ts'

const DAY = 24 * 3_600_000
const START = new Date('2026-11-22T00:00:00Z')
const SERVER_NAME = 'podtap-webhook.podtap.svc'

suite('the certificate in the Secret', () => {
  let api: KubeStore
  let client: KubeClient
  let now: Date

  before(async () => {
    api = await startKubeStore()
  })
  beforeEach(async () => {
    await api.stop()
    api = await startKubeStore()
    client = new KubeClient({ server: api.url, read: () => Promise.resolve({ tls: {} }) })
    now = START
  })
  after(() => api.stop())

  let serial = 0
  const newStore = (): CertificateStore => {
    return new CertificateStore(client, OWN, () => ({ now, serial: String((serial += 1)) }))
  }
  const field = (key: string): string => {
    const data = api.get(PATHS.secret)?.['data'] as Record<string, string>
    return Buffer.from(data[key] ?? '', 'base64').toString()
  }
  const overwrite = (change: (secret: StoredObject) => StoredObject): void => {
    api.put(PATHS.secret, change(api.get(PATHS.secret)!))
  }

  test('is created where there is none, fit to be served', async () => {
    const serving = await newStore().current()

    assert.equal(inspect(serving, { serverName: SERVER_NAME, now }).problem, undefined)
    assert.deepEqual(api.writes, ['POST /api/v1/namespaces/podtap/secrets'])
    const { type, metadata } = api.get(PATHS.secret)!
    assert.equal(type, 'kubernetes.io/tls')
    assert.deepEqual(metadata['labels'], { 'app.kubernetes.io/managed-by': 'podtap' })
    assert.deepEqual([field('tls.crt'), field('tls.key')], [serving.cert, serving.key])
  })

  test('is the same for replicas that start together', async () => {
    const [first, second] = await Promise.all([newStore().current(), newStore().current()])

    assert.equal(first.cert, second.cert)
  })

  test('stays for two thirds of its life', async () => {
    const first = await newStore().current()

    now = new Date(START.getTime() + 243 * DAY)

    assert.equal((await newStore().current()).cert, first.cert)
    assert.equal(api.writes.length, 1)
  })

  test('is renewed after that by the same authority, so that trust does not change', async () => {
    const first = await newStore().current()

    now = new Date(START.getTime() + 244 * DAY)
    const second = await newStore().current()

    assert.notEqual(second.cert, first.cert)
    assert.equal(second.authorities, first.authorities)
    assert.equal(inspect(second, { serverName: SERVER_NAME, now }).problem, undefined)
  })

  test('comes from a new authority, the old one still trusted, when that one is old', async () => {
    const first = await newStore().current()

    now = new Date(START.getTime() + 2500 * DAY)
    const second = await newStore().current()

    const authorities = splitPem(second.authorities)
    assert.equal(authorities.length, 2)
    assert.equal(`${authorities[1]!}\n`, first.authorities)
    assert.equal(inspect(second, { serverName: SERVER_NAME, now }).problem, undefined)
  })

  test('is made anew where podtap’s own Secret is broken', async () => {
    await newStore().current()
    overwrite((secret) => ({ ...secret, data: { 'tls.crt': 'bm9uZQ==' } }))

    const serving = await newStore().current()

    assert.equal(inspect(serving, { serverName: SERVER_NAME, now }).problem, undefined)
  })

  test('is served as it is where somebody else made it', async () => {
    const authority = await issueAuthority({ now, serial: 'foreign' })
    const leaf = await issueCertificate(authority, OWN, now)
    putForeign({ 'tls.crt': leaf.cert, 'tls.key': leaf.key, 'ca.crt': authority.cert })
    now = new Date(START.getTime() + 300 * DAY)

    const serving = await newStore().current()

    assert.deepEqual([serving.cert, serving.authorities], [leaf.cert, authority.cert])
    assert.deepEqual(api.writes, [])
  })

  test('of somebody else is never overwritten, and what is wrong with it is said', async () => {
    const authority = await issueAuthority({ now, serial: 'foreign' })
    const leaf = await issueCertificate(authority, { ...OWN, namespace: 'other' }, now)
    const other = await issueAuthority({ now, serial: 'other' })
    const cases = {
      'not made for podtap-webhook.podtap.svc': {
        cert: leaf.cert,
        key: leaf.key,
        ca: authority.cert,
      },
      'key and certificate differ': { cert: leaf.cert, key: other.key, ca: authority.cert },
    }

    for (const [problem, { cert, key, ca }] of Object.entries(cases)) {
      putForeign({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca })
      await assert.rejects(newStore().current(), {
        code: 'ERR_CERTIFICATE',
        message:
          `Secret podtap/podtap-webhook-tls: ${problem}; podtap did not make it (no label ` +
          'app.kubernetes.io/managed-by: podtap), so repair it, or delete it to have one made',
      })
    }
    assert.deepEqual(api.writes, [])
  })

  test('is refused where its authority is missing, has expired, or it is not yet valid', async () => {
    const authority = await issueAuthority({ now, serial: 'x' })
    const { cert, key } = await issueCertificate(authority, OWN, now)
    const at = (days: number): Date => new Date(START.getTime() + days * DAY)
    const problemAt = (date: Date, authorities: string): string | undefined =>
      inspect({ cert, key, authorities }, { serverName: SERVER_NAME, now: date }).problem

    assert.equal(problemAt(now, ''), 'not signed by any authority in ca.crt')
    assert.match(problemAt(at(366), authority.cert) ?? '', /^expired on Nov 22 00:00:00 2027 GMT$/)
    assert.match(
      problemAt(at(-1), authority.cert) ?? '',
      /^not valid before Nov 21 23:00:00 2026 GMT$/,
    )
    assert.equal(problemAt(now, authority.cert), undefined)
  })

  function putForeign(fields: Record<string, string>): void {
    const encoded = Object.entries(fields).map(([name, text]) => {
      return [name, Buffer.from(text).toString('base64')]
    })
    const data = Object.fromEntries(encoded) as Record<string, string>
    api.put(PATHS.secret, { metadata: { name: OWN.tlsSecret }, data })
  }
})
