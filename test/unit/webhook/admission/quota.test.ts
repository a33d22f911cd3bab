import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inject } from '../../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { quotaProblem } from '../../../../webhook/admission/quota.ts'
import type { Workload } from '../../../../webhook/admission/workload.ts'
import { INSTALLATION, podTemplate, quotaOf, workload } from '../../../helpers/situation.ts'

// The application takes 100m; with the sidecar it is 350m.
const bare = podTemplate(
  {},
  { containers: [{ name: 'web', resources: { requests: { cpu: '100m' } } }] },
)
const injected = inject(bare, INSTALLATION.sidecar)
const object = (kind: string, spec: JsonObject, template = bare): JsonObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: 'web' },
  spec: { ...spec, template },
})
const created = (kind: string, spec: JsonObject): Workload => workload(object(kind, spec))
const updated = (kind: string, spec: JsonObject, old = bare): Workload =>
  workload(object(kind, spec), object(kind, spec, old))
const rolling = (maxUnavailable: number | string): JsonObject => ({
  replicas: 4,
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } },
})
const NO_ROOM = 'ResourceQuota share: no requests.cpu is left for the sidecar'

suite('a quota', () => {
  // prettier-ignore
  const cases: readonly (readonly [title: string, subject: Workload, used: string, expected: string | undefined])[] = [
    // 4 cores in all
    ['room for all new pods', created('Deployment', { replicas: 4 }), '2600m', undefined],
    ['room for all but one', created('Deployment', { replicas: 4 }), '2601m', NO_ROOM],
    ['no room even without the sidecar', created('Deployment', { replicas: 4 }), '3601m', undefined],
    ['no pods', created('Deployment', { replicas: 0 }), '4', undefined],
    ['one pod unless said otherwise', created('StatefulSet', {}), '3651m', NO_ROOM],
    // an update takes 4 × 250m more in the end
    ['room for what the sidecars add', updated('Deployment', rolling(1)), '3', undefined],
    ['one sidecar too many', updated('Deployment', rolling(1)), '3001m', NO_ROOM],
    ['a full quota, pods replaced one by one', updated('StatefulSet', { replicas: 1 }), '4', NO_ROOM],
    ['sidecars that are there already', updated('StatefulSet', { replicas: 4 }, injected), '4', undefined],
    ['a restart that needs one pod more', updated('Deployment', rolling(0), injected), '3800m', NO_ROOM],
    ['a restart that ends a pod first', updated('Deployment', rolling(1), injected), '3800m', undefined],
    ['percentages are rounded down', updated('Deployment', rolling('24%'), injected), '3800m', NO_ROOM],
    ['25 % of four pods are one', updated('Deployment', rolling('25%'), injected), '3800m', undefined],
  ]
  for (const [title, subject, used, expected] of cases) {
    test(title, () => {
      const quotas = [
        quotaOf({ 'requests.cpu': '4', pods: '1' }, { 'requests.cpu': used, pods: '1' }),
      ]

      const problem = quotaProblem(subject, { bare, injected }, { limitRanges: [], quotas })

      assert.equal(problem, expected)
    })
  }

  const scopes: readonly (readonly [title: string, spec: JsonObject, counts: boolean])[] = [
    ['no scope', {}, true],
    ['BestEffort', { scopes: ['BestEffort'] }, false],
    ['NotBestEffort', { scopes: ['NotBestEffort'] }, true],
    ['Terminating', { scopes: ['Terminating'] }, false],
    ['NotTerminating', { scopes: ['NotTerminating'] }, true],
    ['another priority', priority('In', 'high'), false],
    ['all priorities but one', priority('NotIn', 'high'), true],
    ['any priority', priority('Exists'), false],
    ['no priority', priority('DoesNotExist'), true],
  ]
  for (const [title, spec, counts] of scopes) {
    test(`with ${title} ${counts ? 'counts' : 'does not count'} an ordinary pod`, () => {
      const quotas = [quotaOf({ cpu: '100m' }, {}, spec)]

      const problem = quotaProblem(
        created('Deployment', {}),
        { bare, injected },
        { limitRanges: [], quotas },
      )

      assert.equal(problem !== undefined, counts)
    })
  }
})

function priority(operator: string, ...values: string[]): JsonObject {
  return { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] } }
}
