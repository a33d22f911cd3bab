import assert from 'node:assert/strict'
import test from 'node:test'
import { explainFailure, missingRight } from '../../../../cli/cluster/explain-failure.ts'
import { AppError } from '../../../../lib/errors.ts'
import { answerError, noAnswerError } from '../../../../lib/kube/kube-error.ts'

const SERVER = 'https://10.0.0.1:6443'

function forbidden(message: string): AppError {
  return answerError('GET /x', { status: 403, body: JSON.stringify({ message }) })
}

test('a missing right is named with verb, resource and namespace', () => {
  const error = forbidden(
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop"',
  )

  assert.deepEqual(missingRight(error), {
    user: 'jane',
    verb: 'list',
    resource: 'pods',
    namespace: 'shop',
  })
  assert.equal(
    explainFailure(error),
    'jane may not list pods in the namespace shop: ask for that right ' +
      '(kubectl auth can-i list pods -n shop)',
  )
})

test('a missing right in the whole cluster is named with its group and subresource', () => {
  const error = forbidden(
    'deployments.apps is forbidden: User "jane" cannot patch resource "deployments/scale" ' +
      'in API group "apps" at the cluster scope',
  )

  assert.equal(
    explainFailure(error),
    'jane may not patch deployments.apps/scale in the whole cluster: ask for that right ' +
      '(kubectl auth can-i patch deployments.apps/scale -A)',
  )
})

test('another refusal stays as the API server said it', () => {
  const error = forbidden('pods "web" is forbidden: exceeded quota: small')

  assert.equal(missingRight(error), undefined)
  assert.equal(
    explainFailure(error),
    'GET /x: the Kubernetes API answered 403: pods "web" is forbidden: exceeded quota: small',
  )
})

test('no answer comes with what to look at', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const untrusted = Object.assign(new Error('self-signed certificate'), {
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  })

  assert.equal(
    explainFailure(noAnswerError('GET /version', SERVER, refused)),
    `GET /version: no answer from the Kubernetes API at ${SERVER}: connect ECONNREFUSED; ` +
      'is it up, and is it the right one? (kubectl config current-context, --context)',
  )
  assert.match(
    explainFailure(noAnswerError('GET /version', SERVER, untrusted)),
    /; its certificate is not trusted: see certificate-authority in the kubeconfig's cluster$/,
  )
})

test('other failures speak for themselves', () => {
  assert.equal(explainFailure(new AppError('ERR_CONFIG', 'wrong')), 'wrong')
})
