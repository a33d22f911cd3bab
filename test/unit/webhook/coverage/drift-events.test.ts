import assert from 'node:assert/strict'
import test from 'node:test'
import type { WorkloadCoverage } from '../../../../webhook/coverage/coverage.ts'
import { DriftLog } from '../../../../webhook/coverage/drift-events.ts'
import type { CoverageState } from '../../../../webhook/coverage/judge.ts'

const TIMING = { graceMs: 30_000, repeatMs: 3_300_000 }
const ROLLED_OUT = {
  spec: { replicas: 2 },
  status: { replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
}

test('a workload that lacks its sidecar is told once, after a moment of grace', () => {
  const log = new DriftLog(TIMING)
  const missed = [web('missed', ['missed', 'missed', 'mirrored'])]

  assert.deepEqual(log.due(missed, 0), [])
  assert.deepEqual(log.due(missed, 29_999), [])
  assert.deepEqual(log.due(missed, 30_000), [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'web',
      uid: 'uid-web',
      reason: 'PodtapMissed',
      type: 'Warning',
      message:
        'no sidecar in 2 of 3 pods, made while podtap was away or before the namespace was enabled; ' +
        'kubectl -n shop rollout restart deployment/web',
    },
  ])
  assert.deepEqual(log.due(missed, 60_000), [])
})

test('it is told again before the API server forgets, and as something new once it was mended', () => {
  const log = new DriftLog(TIMING)
  const stale = [web('stale', ['stale'])]

  log.due(stale, 0)
  assert.equal(log.due(stale, 30_000).length, 1)
  assert.equal(log.due(stale, 3_329_999).length, 0)
  assert.equal(log.due(stale, 3_330_000).length, 1)
  log.due([web('mirrored', ['mirrored'])], 3_340_000)
  assert.equal(log.due(stale, 3_350_000).length, 0)
  assert.equal(log.due(stale, 3_380_000).length, 1)
})

test('another state is another event', () => {
  const log = new DriftLog({ ...TIMING, graceMs: 0 })

  const said = ['missed', 'stale', 'unwanted'].map((state) =>
    log.due([web(state as CoverageState, [state as CoverageState])], 0),
  )

  assert.deepEqual(
    said.flat().map(({ reason, message }) => `${reason}: ${message}`),
    [
      'PodtapMissed: no sidecar in 1 of 1 pods, made while podtap was away or before the namespace was enabled; kubectl -n shop rollout restart deployment/web',
      'PodtapStale: a sidecar with older settings in 1 of 1 pods; kubectl -n shop rollout restart deployment/web',
      'PodtapUnwanted: a sidecar in 1 of 1 pods that is no longer wanted (not-enabled): words; kubectl -n shop rollout restart deployment/web',
    ],
  )
})

test('pods that a rollout is replacing are no news', () => {
  const log = new DriftLog({ ...TIMING, graceMs: 0 })
  const rolling = { ...ROLLED_OUT, kind: 'Deployment', status: { replicas: 3, updatedReplicas: 1 } }

  assert.deepEqual(log.due([web('mirrored', ['missed', 'mirrored'], rolling)], 0), [])
  assert.equal(log.due([web('mirrored', ['missed', 'mirrored'])], 0).length, 1)
})

test('a workload without pods is told too: its next pods would lack the sidecar', () => {
  const log = new DriftLog({ ...TIMING, graceMs: 0 })

  const [event] = log.due([{ ...web('missed', []), kind: 'CronJob' }], 0)

  assert.equal(
    event?.message,
    'no sidecar in its next pods, made while podtap was away or before the namespace was enabled; ' +
      'podtap refresh -n shop cronjob/web',
  )
})

test('who made a pod by hand, or by a Job, has to make it anew', () => {
  const log = new DriftLog({ ...TIMING, graceMs: 0 })
  const alone = { ...web('missed', ['missed']), kind: 'Pod', object: undefined }

  const [event] = log.due([alone], 0)

  assert.match(event?.message ?? '', /; whoever made it has to make it anew$/)
})

test('what is mirrored or refused is nothing to tell', () => {
  const log = new DriftLog({ ...TIMING, graceMs: 0 })

  assert.deepEqual(log.due([web('refused', ['refused']), web('mirrored', ['mirrored'])], 0), [])
})

function web(
  state: CoverageState,
  pods: readonly CoverageState[],
  object: object = { ...ROLLED_OUT, kind: 'Deployment' },
): WorkloadCoverage {
  const reason = state === 'unwanted' ? ('not-enabled' as const) : ('enabled' as const)
  const judged = { reason, detail: 'words' }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    uid: 'uid-web',
    configHash: '',
    object: object as Record<string, unknown>,
    state,
    ...judged,
    pods: pods.map((each, index) => ({ name: `web-${index}`, state: each, ...judged })),
  }
}
