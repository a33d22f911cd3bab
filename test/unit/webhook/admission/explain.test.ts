import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explain } from '../../../../webhook/admission/explain.ts'
import { deployment, podTemplate, situation, workload } from '../../../helpers/situation.ts'

test('the way to a refusal ends at the rule that decided', () => {
  const object = deployment(podTemplate({ 'podtap.dev/inject': 'disabled' }))

  assert.equal(
    explain(situation({ workload: workload(object) })),
    [
      'deployment/web in namespace shop',
      '  - system-namespace: no',
      '  - unreadable-template: no',
      '  - template-unchanged: no',
      '  - rolled-back: no',
      '  - static-pod: no',
      '  - owned-by-workload: no',
      '  - operator-owned: no',
      '  - namespace-unknown: no',
      '  x opted-out: podtap.dev/inject is disabled on the pod template',
      '  = stays as it is (opted-out): podtap.dev/inject is disabled on the pod template',
    ].join('\n'),
  )
})

test('the way to an injection asks every rule and ends with the hints', () => {
  const object = deployment(podTemplate(), { spec: { paused: true, template: podTemplate() } })

  const lines = explain(situation({ workload: workload(object) })).split('\n')

  assert.deepEqual(lines.slice(-3), [
    '  - quota: no',
    '  = gets the sidecar (enabled): namespace shop is enabled',
    '  ! podtap: the rollout is paused: pods change after kubectl rollout resume',
  ])
})
