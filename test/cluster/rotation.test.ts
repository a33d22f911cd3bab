/** Rotating the certificate, and losing the leader, under a stream of real reviews. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, suite, test } from 'node:test'
import { splitPem } from '../../webhook/certificates/inspect.ts'
import { BACKDATED_MS } from '../../webhook/certificates/issue.ts'
import { closeNamespaces, openNamespace, submit, workload } from '../helpers/cluster-laws.ts'
import { kubectl, rollout, until, installPodtap } from '../helpers/cluster.ts'
import { failOpenCount, leader } from '../helpers/leader.ts'
import { losesNothing } from '../helpers/loses-nothing.ts'
import { readSecret, readTrusted, served } from '../helpers/webhook-certificate.ts'

const NS = 'podtap-rotation'
const WEBHOOK = 'deployment/podtap-webhook'

suite('two replicas of the webhook', { timeout: 400_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS)
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'TRUST_DELAY=2s')
    await rollout('podtap', 'podtap-webhook')
  })
  after(async () => {
    await closeNamespaces(NS)
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'TRUST_DELAY-')
    await rollout('podtap', 'podtap-webhook')
  })

  test('lose no review while authority and certificate are rotated four times', async (t) => {
    const failedBefore = await failOpenCount()
    const stream = startReviews()
    for (let rotation = 1; rotation <= 4; rotation += 1) {
      const old = await certificate()
      await kubectl('-n', 'podtap', 'delete', 'secret', 'podtap-webhook-tls')
      await until(`certificate ${rotation}`, async () => {
        const now = await certificate()
        return now !== '' && now !== old
      })
    }
    const { reviews, bare } = await stream.stop()

    t.diagnostic(`${reviews} reviews during 4 rotations`)
    assert.ok(reviews > 0)
    assert.equal(bare, 0)
    assert.equal((await failOpenCount()) - failedBefore, 0)
  })

  test('renew a certificate at two thirds of its life, backdated by an hour, and lose no review', async (t) => {
    const lifeS = 30
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, `CERTIFICATE_LIFE=${lifeS}s`)
    await rollout('podtap', 'podtap-webhook')
    // That of a year is replaced: two thirds of thirty seconds are the term of those that follow it.
    await kubectl('-n', 'podtap', 'delete', 'secret', 'podtap-webhook-tls')
    const first = await until('one of thirty seconds', () => shortLived(lifeS))

    await losesNothing(t, NS, async () => {
      const next = await until('its successor', async () => {
        const found = await shortLived(lifeS)
        return found?.serial !== first.serial && found
      })
      const after = next.issuedAt - first.issuedAt
      t.diagnostic(`renewed after ${after} s of ${lifeS}`)
      // Certificates count whole seconds; a busy machine may be late.
      assert.ok(after >= (lifeS * 2) / 3 - 1 && after < lifeS, `${after} s`)
      await served(next.cert)
    })
    assert.ok(splitPem(await readTrusted()).includes(first.authority))
    await kubectl('-n', 'podtap', 'set', 'env', WEBHOOK, 'CERTIFICATE_LIFE-')
    await rollout('podtap', 'podtap-webhook')
  })

  test('go on when the one that leads ends: the other one leads', async (t) => {
    const old = await leader()
    const began = Date.now()

    await kubectl('-n', 'podtap', 'delete', 'pod', old.split('_')[0]!, '--wait=false')
    await until('another leader', async () => {
      const now = await leader()
      return now !== '' && now !== old
    })

    t.diagnostic(`${((Date.now() - began) / 1000).toFixed(1)} s to a new leader`)
    await rollout('podtap', 'podtap-webhook')
  })
})

/** Creates the same Deployment again and again, as a dry run, and looks whether it got the sidecar. */
function startReviews(): { stop: () => Promise<{ reviews: number; bare: number }> } {
  const ending = new AbortController()
  const counts = { reviews: 0, bare: 0 }
  const run = async (): Promise<typeof counts> => {
    while (!ending.signal.aborted) {
      const args = ['-n', NS, 'create', '-f', '-', '--dry-run=server', '-o', 'json']
      const { stdout } = await submit(workload('Deployment/web'), ...args)
      counts.reviews += 1
      if (!stdout.includes('"name": "podtap"')) counts.bare += 1
    }
    return counts
  }
  const running = run()
  return {
    stop: () => {
      ending.abort()
      return running
    },
  }
}

interface ShortLived {
  readonly cert: string
  readonly authority: string
  readonly serial: string
  /** Seconds since the epoch; its notBefore is BACKDATED_MS earlier. */
  readonly issuedAt: number
}

/** The certificate in the Secret; undefined: none, or one that was made for another life. */
async function shortLived(lifeS: number): Promise<ShortLived | undefined> {
  const secret = await readSecret()
  if (secret === undefined) return undefined
  const { 'tls.crt': cert = '', 'ca.crt': authorities = '' } = secret
  const { validFromDate, validToDate, serialNumber } = new X509Certificate(cert)
  const issuedAt = (validFromDate.getTime() + BACKDATED_MS) / 1000
  if (validToDate.getTime() / 1000 - issuedAt !== lifeS) return undefined
  // It was made just now, by the clock of the node: so notBefore is an hour ago.
  assert.ok(Math.abs(Date.now() / 1000 - issuedAt) < lifeS)
  return { cert, authority: splitPem(authorities)[0] ?? '', serial: serialNumber, issuedAt }
}

async function certificate(): Promise<string> {
  return kubectl(
    ...['-n', 'podtap', 'get', 'secret', 'podtap-webhook-tls', '--ignore-not-found'],
    ...['-o', 'jsonpath={.data.tls\\.crt}'],
  )
}
