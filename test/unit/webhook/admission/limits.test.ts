import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inject } from '../../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { limitRangeProblem, podLevelProblem } from '../../../../webhook/admission/limits.ts'
import { INSTALLATION, limitRangeOf, podTemplate } from '../../../helpers/situation.ts'

const container = (resources: JsonObject): JsonObject => ({ name: 'web', resources })
const injected = (spec: JsonObject = {}): JsonObject =>
  inject(podTemplate({}, spec), INSTALLATION.sidecar)
const small = container({ requests: { cpu: '100m' }, limits: { cpu: '200m', memory: '64Mi' } })
const withSmall = injected({ containers: [small] })

suite('a LimitRange, the sidecar having 250m and 256Mi', () => {
  // prettier-ignore
  const cases: readonly (readonly [title: string, template: JsonObject, item: JsonObject, expected: string | undefined])[] = [
    ['as much as the sidecar', injected(), { type: 'Container', max: { cpu: '250m', memory: '256Mi' } }, undefined],
    ['less than the sidecar', injected(), { type: 'Container', max: { memory: '255Mi' } }, 'LimitRange bounds: sidecar memory is above its maximum'],
    ['more than the sidecar at least', injected(), { type: 'Container', min: { cpu: '0.3' } }, 'LimitRange bounds: sidecar cpu is below its minimum'],
    ['a ratio of one', injected(), { type: 'Container', maxLimitRequestRatio: { cpu: '1' } }, undefined],
    ['the application’s own container is not asked', injected({ containers: [container({ limits: { cpu: '9' } })] }), { type: 'Container', max: { cpu: '1' } }, undefined],
    ['a pod that has room', withSmall, { type: 'Pod', max: { cpu: '450m', memory: '320Mi' } }, undefined],
    ['a pod that is full', withSmall, { type: 'Pod', max: { cpu: '449m' } }, 'LimitRange bounds: pod cpu is above its maximum'],
    ['a pod below the least', withSmall, { type: 'Pod', min: { cpu: '351m' } }, 'LimitRange bounds: pod cpu is below its minimum'],
    ['a pod’s ratio', withSmall, { type: 'Pod', maxLimitRequestRatio: { cpu: '1.2' } }, 'LimitRange bounds: pod cpu is above its limit to request ratio'],
    ['claims of storage', injected(), { type: 'PersistentVolumeClaim', max: { storage: '1' } }, undefined],
  ]
  for (const [title, template, item, expected] of cases) {
    test(title, () => {
      const limits = { limitRanges: [limitRangeOf(item)], quotas: [] }

      assert.equal(limitRangeProblem(template, limits), expected)
    })
  }

  test('counts the defaults that it gives to containers which say nothing', () => {
    const defaults = { type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '1m' } }
    const limitRanges = [limitRangeOf(defaults, { type: 'Pod', max: { cpu: '749m' } })]

    assert.equal(
      limitRangeProblem(injected(), { limitRanges, quotas: [] }),
      'LimitRange bounds: pod cpu is above its maximum',
    )
  })
})

test('what a pod says for all its containers must be enough for the sidecar', () => {
  const spec = (cpu: string): JsonObject => ({
    containers: [small],
    resources: { requests: { cpu } },
  })

  assert.equal(podLevelProblem(injected(spec('350m'))), undefined)
  assert.equal(
    podLevelProblem(injected(spec('349m'))),
    "spec.resources leaves no room for the sidecar's cpu request",
  )
})
