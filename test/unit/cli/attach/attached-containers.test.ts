import assert from 'node:assert/strict'
import test from 'node:test'
import { attachedState, liveAttachments } from '../../../../cli/attach/attached-containers.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'

const POD: JsonObject = {
  spec: {
    ephemeralContainers: [
      'debugger',
      'podtap-ended',
      'podtap-pulls',
      'podtap-runs',
      'podtap-new',
    ].map((name) => ({ name })),
  },
  status: {
    ephemeralContainerStatuses: [
      { name: 'debugger', state: { running: {} } },
      {
        name: 'podtap-ended',
        state: { terminated: { exitCode: 2, reason: 'Error', message: 'VNI: expected …' } },
      },
      {
        name: 'podtap-pulls',
        state: { waiting: { reason: 'ErrImagePull', message: 'not found' } },
      },
      { name: 'podtap-runs', state: { running: { startedAt: '2026-11-22T12:00:00Z' } } },
    ],
  },
}

test('what podtap attached and has not ended is live, whether it runs or not', () => {
  assert.deepEqual(liveAttachments(POD), [
    {
      name: 'podtap-pulls',
      state: { kind: 'waiting', reason: 'ErrImagePull', message: 'not found' },
    },
    { name: 'podtap-runs', state: { kind: 'running' } },
    { name: 'podtap-new', state: { kind: 'waiting', reason: '', message: '' } },
  ])
  assert.deepEqual(liveAttachments({ spec: {} }), [])
})

test('one that has ended says how', () => {
  assert.deepEqual(attachedState(POD, 'podtap-ended'), {
    kind: 'ended',
    exitCode: 2,
    message: 'VNI: expected …',
  })
})
