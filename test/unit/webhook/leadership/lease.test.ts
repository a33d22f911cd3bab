import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  claimed,
  observe,
  released,
  waitMs,
  type ObservedLease,
} from '../../../../webhook/leadership/lease.ts'

const NAME = { namespace: 'podtap', name: 'podtap-webhook' }
const AT = new Date('2026-11-22T09:00:00.123Z')

const stored = (spec: object, resourceVersion = '7'): object => ({
  metadata: { name: NAME.name, resourceVersion },
  spec: { leaseDurationSeconds: 15, leaseTransitions: 3, acquireTime: 'then', ...spec },
})
const seen = (spec: object, now: number, before?: ObservedLease): ObservedLease =>
  observe(stored(spec), before, now)

test('a Lease that nobody has seen before may be taken only when its time is over from now on', () => {
  const lease = seen({ holderIdentity: 'other', renewTime: '2001-01-01T00:00:00.000000Z' }, 100_000)

  assert.equal(waitMs(lease, 'me', 100_000), 15_000)
  assert.equal(waitMs(lease, 'me', 114_999), 1)
  assert.equal(waitMs(lease, 'me', 115_000), 0)
})

test('each change of renewTime begins its time anew, whatever clock it was read from', () => {
  const first = seen({ holderIdentity: 'other', renewTime: 'b' }, 1000)
  const same = seen({ holderIdentity: 'other', renewTime: 'b' }, 5000, first)
  const renewed = seen({ holderIdentity: 'other', renewTime: 'a' }, 9000, same)

  assert.deepEqual([first.seenAt, same.seenAt, renewed.seenAt], [1000, 1000, 9000])
})

test('a Lease that is missing, let go of, or one’s own may be taken at once', () => {
  assert.equal(waitMs(undefined, 'me', 0), 0)
  assert.equal(waitMs(seen({ holderIdentity: '', renewTime: 'a' }, 0), 'me', 0), 0)
  assert.equal(waitMs(seen({ holderIdentity: 'me', renewTime: 'a' }, 0), 'me', 0), 0)
})

test('a new Lease is written as the API has it', () => {
  const claim = { identity: 'me', durationMs: 15_000, now: AT }

  assert.deepEqual(claimed(NAME, undefined, claim), {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: 'podtap', name: 'podtap-webhook' },
    spec: {
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: '2026-11-22T09:00:00.123000Z',
      renewTime: '2026-11-22T09:00:00.123000Z',
      leaseTransitions: 0,
    },
  })
})

test('taking it from another counts as a change, renewing does not', () => {
  const claim = { identity: 'me', durationMs: 15_000, now: AT }
  const others = seen({ holderIdentity: 'other', renewTime: 'a' }, 0)
  const own = seen({ holderIdentity: 'me', renewTime: 'a' }, 0)

  assert.deepEqual(claimed(NAME, others, claim)['metadata'], { ...NAME, resourceVersion: '7' })
  assert.deepEqual(claimed(NAME, others, claim)['spec'], {
    holderIdentity: 'me',
    leaseDurationSeconds: 15,
    acquireTime: '2026-11-22T09:00:00.123000Z',
    renewTime: '2026-11-22T09:00:00.123000Z',
    leaseTransitions: 4,
  })
  assert.deepEqual(claimed(NAME, own, claim)['spec'], {
    holderIdentity: 'me',
    leaseDurationSeconds: 15,
    acquireTime: 'then',
    renewTime: '2026-11-22T09:00:00.123000Z',
    leaseTransitions: 3,
  })
})

test('letting go leaves it to nobody, for a second', () => {
  const own = seen({ holderIdentity: 'me', renewTime: 'a' }, 0)

  assert.deepEqual(released(NAME, own, AT)['spec'], {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: 'then',
    renewTime: '2026-11-22T09:00:00.123000Z',
    leaseTransitions: 3,
  })
})
