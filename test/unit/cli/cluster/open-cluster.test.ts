import assert from 'node:assert/strict'
import test from 'node:test'
import { findCluster, withCluster } from '../../../../cli/cluster/open-cluster.ts'
import { contextFor } from '../../../helpers/cli.ts'
import { json, startKubeServer } from '../../../helpers/kube-server.ts'
import { kubeconfigFile } from '../../../helpers/kubeconfig-file.ts'

const LIMIT = { timeout: 20_000 }

function contextWith(environment: Record<string, string>) {
  return contextFor({ stdout: '', stderr: '' }, { environment })
}

test('the namespace is the one that was named, that of the context, or all', LIMIT, async (t) => {
  const kubeconfig = kubeconfigFile(t, 'http://127.0.0.1:1', { namespace: 'shop' })
  const context = contextWith({ KUBECONFIG: kubeconfig })
  const namespaceOf = async (options: object): Promise<string | undefined> =>
    (await findCluster(options, context)).namespace

  assert.equal(await namespaceOf({}), 'shop')
  assert.equal(await namespaceOf({ namespace: 'bank' }), 'bank')
  assert.equal(await namespaceOf({ allNamespaces: true }), undefined)
})

test('--kubeconfig beats KUBECONFIG, whose missing files are passed over', LIMIT, async (t) => {
  const one = kubeconfigFile(t, 'http://127.0.0.1:1')
  const two = kubeconfigFile(t, 'http://127.0.0.1:2')
  const context = contextWith({ KUBECONFIG: `/does/not/exist:${one}` })

  assert.equal((await findCluster({}, context)).server, 'http://127.0.0.1:1')
  assert.equal((await findCluster({ kubeconfig: two }, context)).server, 'http://127.0.0.1:2')
})

test('no kubeconfig at all is said with what was looked for', LIMIT, async () => {
  await assert.rejects(findCluster({}, contextWith({ HOME: '/does/not/exist' })), {
    code: 'ERR_KUBE_AUTH',
    message:
      'no cluster: ~/.kube/config does not exist; name a kubeconfig with --kubeconfig or KUBECONFIG',
  })
})

test('wrong options are named', LIMIT, async (t) => {
  const context = contextWith({ KUBECONFIG: kubeconfigFile(t, 'http://127.0.0.1:1') })

  await assert.rejects(findCluster({ namespace: 'shop', allNamespaces: true }, context), {
    code: 'ERR_CONFIG',
    message: '-n and -A exclude each other: give one',
  })
  await assert.rejects(findCluster({ namespace: 'Shop' }, context), {
    code: 'ERR_CONFIG',
    message: '--namespace: expected a namespace name, received "Shop"',
  })
  await assert.rejects(findCluster({ context: 'production' }, context), {
    code: 'ERR_CONFIG',
    message: '--context: expected one of test, received "production"',
  })
})

test('an API server that is too old gets no further request', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(json(200, { major: '1', minor: '27', gitVersion: 'v1.27.1' }))
  const context = contextWith({ KUBECONFIG: kubeconfigFile(t, server.url) })

  await assert.rejects(
    withCluster({}, context, () => Promise.reject(new Error('not to be called'))),
    { code: 'ERR_KUBE_VERSION' },
  )
  assert.deepEqual(server.requests, ['GET /version'])
})
