import assert from 'node:assert/strict'
import { before, beforeEach, suite, test } from 'node:test'
import { isTrusted, lifeOf, problemOf, splitPem } from '../../../../webhook/certificates/inspect.ts'
import { nextStep } from '../../../../webhook/certificates/next-step.ts'
import type { StoredCertificate } from '../../../../webhook/certificates/secret.ts'
import type { CertificateSettings } from '../../../../webhook/certificates/settings.ts'
import { OWN } from '../../../helpers/own-objects.ts'

const SECOND = 1000
const DAY = 24 * 3600 * SECOND
const START = new Date('2026-11-22T00:00:00Z').getTime()
const SETTINGS: CertificateSettings = {
  source: 'auto',
  lifeMs: 365 * DAY,
  authorityLifeMs: 3650 * DAY,
  trustDelayMs: 30 * SECOND,
}

suite('the next step of a certificate', () => {
  let now: number
  let stored: StoredCertificate | undefined
  let served: StoredCertificate | undefined
  /** Since when which authority has been in the caBundle. */
  let trusted: Map<string, number>
  let serials = 0
  let fresh: StoredCertificate

  /** Carries out one step as the issuer does; returns why something was stored, or how long to wait. */
  const step = async (): Promise<string | number> => {
    const next = await nextStep(
      {
        stored,
        served,
        trustedMs: (pem) => (trusted.has(pem) ? now - trusted.get(pem)! : undefined),
        now: new Date(now),
      },
      { own: OWN, settings: SETTINGS, serial: String((serials += 1)) },
    )
    if (next.write) stored = next.write
    const bundle = splitPem(stored?.authorities ?? '')
    for (const pem of trusted.keys()) if (!bundle.includes(pem)) trusted.delete(pem)
    for (const pem of bundle) if (!trusted.has(pem)) trusted.set(pem, now)
    return next.write ? next.why : next.waitMs
  }
  /** The stored certificate is good, and trusted by what is in the caBundle. */
  const assertServable = (): void => {
    assert.ok(stored)
    const at = new Date(now)
    assert.equal(problemOf(stored, { serverName: 'podtap-webhook.podtap.svc', now: at }), undefined)
    assert.ok(isTrusted(stored.cert, [...trusted.keys()].join('\n'), at))
  }

  before(async () => {
    now = START
    trusted = new Map()
    await step()
    fresh = stored!
  })
  beforeEach(() => {
    now = START
    stored = fresh
    served = fresh
    trusted = new Map(splitPem(fresh.authorities).map((pem) => [pem, START]))
  })

  test('where there is nothing, authority and certificate are made in one', async () => {
    stored = undefined
    served = undefined

    assert.equal(await step(), 'there was none to serve')
    assertServable()
    assert.equal(splitPem(stored!.authorities).length, 1)
  })

  test('is to wait for two thirds of its life', async () => {
    assert.equal(await step(), Math.floor((365 * DAY * 2) / 3))
    now = START + 243 * DAY
    assert.equal(await step(), (365 * DAY * 2) / 3 - 243 * DAY)
  })

  test('then is a new one by the same authority, so that trust does not change', async () => {
    now = START + 244 * DAY

    assert.equal(await step(), 'two thirds of its life are over')
    assertServable()
    assert.notEqual(stored!.cert, fresh.cert)
    assert.equal(stored!.authorities, fresh.authorities)
    assert.equal(lifeOf(stored!.cert).notAfter.getTime(), now + 365 * DAY)
  })

  test('of an old authority is a new one beside it, which signs when it is known', async () => {
    now = START + 2434 * DAY
    stored = await renewedAt(now - DAY)
    served = stored
    const old = stored

    assert.equal(await step(), 'a new authority is to take over')
    assert.equal(stored.cert, old.cert)
    const [newest = '', second] = splitPem(stored.authorities)
    assert.deepEqual([second], splitPem(old.authorities))
    assertServable()
    assert.equal(await step(), 30 * SECOND)
    now += 30 * SECOND - 1
    assert.equal(await step(), 1)
    now += 1
    assert.equal(await step(), 'API servers know the new authority')

    assertServable()
    assert.ok(isTrusted(stored.cert, newest, new Date(now)))
    assert.equal(splitPem(stored.authorities).length, 2)
  })

  test('lets the old authority go when the last certificate that it signed has expired', async () => {
    now = START + 2434 * DAY
    await step()
    now += 30 * SECOND
    await step()
    const created = now - 30 * SECOND
    now = created + 244 * DAY
    assert.equal(await step(), 'two thirds of its life are over')
    assert.equal(splitPem(stored!.authorities).length, 2)

    now = created + 365 * DAY
    assert.equal(await step(), 'what an old authority signed has expired')
    assert.equal(splitPem(stored!.authorities).length, 1)
    assertServable()
  })

  test('after the Secret was deleted goes on with what is served, by a new authority', async () => {
    stored = undefined

    assert.equal(await step(), 'a new authority is to take over')
    assert.equal(stored!.cert, fresh.cert)
    assertServable()
    now += 30 * SECOND
    assert.equal(await step(), 'API servers know the new authority')
    assertServable()
    assert.equal(splitPem(stored!.authorities).length, 2)
  })

  test('of a Secret with a broken pair puts back what is served', async () => {
    stored = { ...fresh, key: 'none' }

    assert.equal(await step(), 'what the Secret held cannot be served')
    assert.deepEqual(stored, fresh)
  })

  test('of a Secret with a broken pair, where nothing is served, is a new one', async () => {
    stored = { ...fresh, cert: 'none' }
    served = undefined

    assert.equal(await step(), 'there was none to serve')
    assertServable()
    assert.equal(stored.authorities, fresh.authorities)
  })

  test('of a Secret without the key of its authority is a new authority', async () => {
    stored = { ...fresh, authorityKey: '' }

    assert.equal(await step(), 'a new authority is to take over')
    assert.equal(stored.cert, fresh.cert)
    assert.equal(splitPem(stored.authorities).length, 2)
  })

  test('never leaves a moment without a trusted certificate, through thirty years', async () => {
    let renewals = 0
    for (let looks = 0; now < START + 30 * 365 * DAY; looks += 1) {
      assert.ok(looks < 500, 'it waits now and then')
      const next = await step()
      assertServable()
      if (typeof next === 'number') now += next
      else renewals += 1
      served = stored
      assert.ok(splitPem(stored!.authorities).length <= 2)
    }

    // 45 certificates of 365 days, each renewed at two thirds; four authorities come, and four go.
    assert.ok(renewals >= 50 && renewals <= 65, `${renewals}`)
  })

  /** The fresh authority with a certificate that it signed at another time. */
  async function renewedAt(at: number): Promise<StoredCertificate> {
    const { issueCertificate } = await import('../../../../webhook/certificates/issue.ts')
    const [cert = ''] = splitPem(fresh.authorities)
    const authority = { cert, key: fresh.authorityKey }
    const validity = { now: new Date(at), lifeMs: SETTINGS.lifeMs }
    return { ...fresh, ...(await issueCertificate(authority, OWN, validity)) }
  }
})
