import assert from 'node:assert/strict'
import test from 'node:test'
import { holdUp, rolloutProgress } from '../../../../webhook/coverage/rollout.ts'

const AT_REST = {
  observedGeneration: 2,
  replicas: 3,
  updatedReplicas: 3,
  availableReplicas: 3,
}

test('a Deployment whose pods are all new and available has rolled out', () => {
  const progress = rolloutProgress(deployment(AT_REST))

  assert.deepEqual(progress, { wanted: 3, updated: 3, available: 3, complete: true })
})

test('a change that its controller has not seen yet is under way', () => {
  const progress = rolloutProgress(deployment({ ...AT_REST, observedGeneration: 1 }))

  assert.deepEqual(progress, { wanted: 3, updated: 0, available: 3, complete: false })
})

test('so is one with older pods, with too few new ones, or with one that is not available', () => {
  for (const status of [{ replicas: 4 }, { updatedReplicas: 2 }, { availableReplicas: 2 }]) {
    const progress = rolloutProgress(deployment({ ...AT_REST, ...status }))

    assert.equal(progress.complete, false, JSON.stringify(status))
  }
})

test('a Deployment of no replicas has rolled out', () => {
  const object = deployment({ observedGeneration: 2 }, 0)

  assert.equal(rolloutProgress(object).complete, true)
})

test('a StatefulSet of one revision counts all its pods as updated', () => {
  const status = {
    observedGeneration: 2,
    replicas: 3,
    availableReplicas: 3,
    currentRevision: 'db-1',
    updateRevision: 'db-1',
  }
  const object = { ...deployment(status), kind: 'StatefulSet' }

  assert.deepEqual(rolloutProgress(object), { wanted: 3, updated: 3, available: 3, complete: true })
  const rolling = { ...status, updateRevision: 'db-2', updatedReplicas: 1 }
  assert.equal(rolloutProgress({ ...deployment(rolling), kind: 'StatefulSet' }).complete, false)
})

test('a DaemonSet has rolled out when each node has a new, available pod', () => {
  const status = {
    observedGeneration: 2,
    desiredNumberScheduled: 2,
    updatedNumberScheduled: 2,
    numberAvailable: 2,
  }
  const object = { ...deployment(status), kind: 'DaemonSet' }

  assert.equal(rolloutProgress(object).complete, true)
  const rolling = { ...status, updatedNumberScheduled: 1 }
  assert.equal(rolloutProgress({ ...deployment(rolling), kind: 'DaemonSet' }).complete, false)
})

test('of a kind without rollouts nothing is under way', () => {
  assert.equal(rolloutProgress({ kind: 'CronJob', spec: {} }).complete, true)
})

test('what holds a rollout back is said in words', () => {
  const cases = [
    [{ paused: true }, 'its rollout is paused; kubectl rollout resume comes first'],
    [
      { updateStrategy: { type: 'OnDelete' } },
      'updateStrategy OnDelete: each pod changes when somebody deletes it',
    ],
    [
      { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
      'updateStrategy partition 2: pods below it do not change',
    ],
    [{ updateStrategy: { rollingUpdate: { partition: 0 } } }, undefined],
    [{}, undefined],
  ] as const
  for (const [spec, expected] of cases) assert.equal(holdUp({ spec }), expected)
})

function deployment(status: object, replicas = 3): Record<string, unknown> {
  return { kind: 'Deployment', metadata: { generation: 2 }, spec: { replicas }, status }
}
