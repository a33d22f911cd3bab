import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import { createLogger } from '../../../../lib/logger.ts'
import { whenAborted } from '../../../../lib/when-aborted.ts'
import { textAt } from '../../../../webhook/admission/json.ts'
import { Leadership } from '../../../../webhook/leadership/leadership.ts'
import { clientOf } from '../../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../../helpers/kube-store.ts'
import { PATHS } from '../../../helpers/own-objects.ts'
import { until } from '../../../helpers/until.ts'

const TIMING = { leaseMs: 1000, renewDeadlineMs: 600, retryMs: 100 }

interface Candidate {
  readonly leadership: Leadership
  readonly ending: AbortController
  readonly ended: Promise<void>
}

suite('leadership', { timeout: 30_000 }, () => {
  let api: KubeStore
  let candidates: Candidate[] = []
  /** What candidates did, in order: `a leads`, `a stops`. */
  let history: string[] = []

  before(async () => {
    api = await startKubeStore()
  })
  beforeEach(() => {
    candidates = []
    history = []
    api.remove(PATHS.lease)
  })
  afterEach(async () => {
    api.fail(undefined)
    for (const { ending } of candidates) ending.abort()
    await Promise.all(candidates.map(({ ended }) => ended))
  })
  after(() => api.stop())

  const start = (identity: string): Candidate => {
    const leadership = new Leadership({
      client: clientOf(api),
      logger: createLogger('test', 'silent'),
      lease: { namespace: 'podtap', name: 'podtap-webhook' },
      identity,
      timing: TIMING,
    })
    const ending = new AbortController()
    const work = async (signal: AbortSignal): Promise<void> => {
      history.push(`${identity} leads`)
      await whenAborted(signal)
      history.push(`${identity} stops`)
    }
    const candidate = { leadership, ending, ended: leadership.run(work, ending.signal) }
    candidates.push(candidate)
    return candidate
  }
  const leads = (candidate: Candidate): Promise<unknown> =>
    until(
      () => 'a leader',
      () => candidate.leadership.leading,
    )
  const holder = (): string => textAt(api.get(PATHS.lease), 'spec', 'holderIdentity')

  test('is taken at once where there is no Lease, and work is done', async () => {
    const a = start('a')
    await leads(a)

    assert.equal(holder(), 'a')
    assert.deepEqual(history, ['a leads'])
  })

  test('stays with one candidate, however long', async () => {
    const a = start('a')
    await leads(a)
    const b = start('b')
    const first = textAt(api.get(PATHS.lease), 'spec', 'renewTime')

    await api.until(() => api.writes.filter((write) => write.startsWith('PUT')).length >= 15)

    assert.equal(b.leadership.leading, false)
    assert.notEqual(textAt(api.get(PATHS.lease), 'spec', 'renewTime'), first)
    assert.deepEqual(history, ['a leads'])
  })

  test('passes on when the leader ends, after its work', async () => {
    const a = start('a')
    await leads(a)
    const b = start('b')

    a.ending.abort()
    await a.ended
    await leads(b)

    assert.deepEqual(history, ['a leads', 'a stops', 'b leads'])
    assert.equal(holder(), 'b')
  })

  test('passes on within the lease where the leader died without a word', async () => {
    api.put(PATHS.lease, {
      metadata: { name: 'podtap-webhook' },
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 1, renewTime: 'some time' },
    })
    const began = performance.now()
    const a = start('a')

    await leads(a)

    assert.ok(performance.now() - began >= 1000)
    assert.equal(holder(), 'a')
  })

  test('is given up by a leader that cannot renew, and comes back', async () => {
    const a = start('a')
    await leads(a)

    api.fail(500)
    await until(
      () => 'no leader',
      () => !a.leadership.leading,
    )
    api.fail(undefined)
    await leads(a)

    assert.deepEqual(history, ['a leads', 'a stops', 'a leads'])
  })

  test('is given up at once where somebody else holds the Lease', async () => {
    const a = start('a')
    await leads(a)

    api.put(PATHS.lease, {
      metadata: { name: 'podtap-webhook' },
      spec: { holderIdentity: 'b', leaseDurationSeconds: 1, renewTime: 'now' },
    })
    await until(
      () => 'no leader',
      () => !a.leadership.leading,
    )

    assert.deepEqual(history, ['a leads', 'a stops'])
  })

  test('survives a Lease that was deleted', async () => {
    const a = start('a')
    await leads(a)

    api.remove(PATHS.lease)
    await until(
      () => 'a new Lease',
      () => a.leadership.leading && holder() === 'a',
    )

    assert.equal(history.at(-1), 'a leads')
  })

  test('is never with two of three that start together', async () => {
    const all = ['a', 'b', 'c'].map(start)
    await until(
      () => 'a leader',
      () => all.some(({ leadership }) => leadership.leading),
    )

    for (let left = all; left.length > 1;) {
      const leader = left.find(({ leadership }) => leadership.leading)
      assert.ok(leader)
      leader.ending.abort()
      await leader.ended
      left = left.filter((one) => one !== leader)
      await until(
        () => 'the next leader',
        () => left.some(({ leadership }) => leadership.leading),
      )
    }

    assert.deepEqual(
      history.map((event) => event.split(' ')[1]),
      ['leads', 'stops', 'leads', 'stops', 'leads'],
    )
  })
})
