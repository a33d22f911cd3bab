import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AppError } from '../../../../lib/errors.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { admitted, parseReview, workloadOf } from '../../../../webhook/admission/review.ts'
import { deployment, podTemplate } from '../../../helpers/situation.ts'

const REQUEST = {
  uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
  kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
  operation: 'UPDATE',
  namespace: 'shop',
  name: 'web',
  dryRun: true,
  options: { kind: 'UpdateOptions', fieldManager: 'kubectl-rollout' },
  object: deployment(podTemplate({ a: 'new' })),
  oldObject: deployment(podTemplate({ a: 'old' })),
}
const reviewOf = (request: unknown): JsonObject => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request,
})

test('a review is read field by field', () => {
  const review = parseReview(reviewOf(REQUEST))

  assert.deepEqual(review, {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    operation: 'UPDATE',
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    subResource: '',
    namespace: 'shop',
    name: 'web',
    dryRun: true,
    object: REQUEST.object,
    oldObject: REQUEST.oldObject,
    fieldManager: 'kubectl-rollout',
  })
})

suite('a body that cannot be answered is refused by name', () => {
  const cases: readonly (readonly [title: string, body: unknown, message: string])[] = [
    ['null', null, 'body: expected a JSON object, received null'],
    ['an array', [], 'body: expected a JSON object, received []'],
    ['another kind', { kind: 'Pod' }, 'kind: expected AdmissionReview, received "Pod"'],
    [
      'another version',
      { ...reviewOf(REQUEST), apiVersion: 'admission.k8s.io/v1beta1' },
      'apiVersion: expected admission.k8s.io/v1, received "admission.k8s.io/v1beta1"',
    ],
    ['no request', reviewOf(undefined), 'request: expected an object, received nothing'],
    [
      'no uid',
      reviewOf({ ...REQUEST, uid: 7 }),
      'request.uid: expected a non-empty text, received nothing',
    ],
    [
      'no operation',
      reviewOf({ ...REQUEST, operation: '' }),
      'request.operation: expected a non-empty text, received nothing',
    ],
    [
      'no kind',
      reviewOf({ ...REQUEST, kind: 'Deployment' }),
      'request.kind.version: expected a non-empty text, received nothing',
    ],
  ]
  for (const [title, body, message] of cases) {
    test(title, () => {
      assert.throws(() => parseReview(body), new AppError('ERR_REVIEW', message))
    })
  }
})

test('a review of a workload yields its templates', () => {
  const workload = workloadOf(parseReview(reviewOf(REQUEST)))

  assert.deepEqual(
    [workload?.kind.kind, workload?.operation, workload?.template, workload?.oldTemplate],
    ['Deployment', 'UPDATE', podTemplate({ a: 'new' }), podTemplate({ a: 'old' })],
  )
})

suite('a review that is not about a template is nobody’s workload', () => {
  const cases: readonly (readonly [title: string, change: JsonObject])[] = [
    ['a DELETE', { operation: 'DELETE', object: null }],
    ['a CONNECT', { operation: 'CONNECT' }],
    ['a subresource', { subResource: 'scale' }],
    ['another kind', { kind: { group: '', version: 'v1', kind: 'ConfigMap' } }],
    ['a ReplicaSet', { kind: { group: 'apps', version: 'v1', kind: 'ReplicaSet' } }],
    ['an older version', { kind: { group: 'apps', version: 'v1beta1', kind: 'Deployment' } }],
    ['an UPDATE of a Job', { kind: { group: 'batch', version: 'v1', kind: 'Job' } }],
  ]
  for (const [title, change] of cases) {
    test(title, () => {
      assert.equal(workloadOf(parseReview(reviewOf({ ...REQUEST, ...change }))), undefined)
    })
  }
})

test('an answer without a patch says neither patch nor patchType', () => {
  assert.deepEqual(admitted('u1'), {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: 'u1', allowed: true },
  })
})

test('an answer with everything', () => {
  const answer = admitted('u1', {
    patch: [{ op: 'remove', path: '/a' }],
    warnings: ['w'],
    auditAnnotations: { reason: 'r' },
  })

  assert.deepEqual(answer, {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: 'u1',
      allowed: true,
      patchType: 'JSONPatch',
      patch: 'W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2EifV0=',
      warnings: ['w'],
      auditAnnotations: { reason: 'r' },
    },
  })
})
