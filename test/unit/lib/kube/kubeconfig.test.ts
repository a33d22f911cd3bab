import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { kubeconfigCredentials, openKubeconfig } from '../../../../lib/kube/kubeconfig.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: by-token
clusters:
- name: one
  cluster:
    server: https://api.example.org:6443/
    certificate-authority-data: ${base64('CA')}
    tls-server-name: kubernetes
- name: two
  cluster: { server: 'https://10.0.0.1', insecure-skip-tls-verify: true }
users:
- name: token
  user: { token: secret }
- name: certificate
  user: { client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')} }
contexts:
- name: by-token
  context: { cluster: one, user: token }
- name: by-certificate
  context: { cluster: two, user: certificate }
- name: broken
  context: { cluster: three, user: token }
`

function kubeconfig(t: TestContext, content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'podtap-kubeconfig-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  writeFileSync(join(directory, 'config'), content)
  return join(directory, 'config')
}

test('the current context is used', async (t) => {
  const credentials = kubeconfigCredentials(kubeconfig(t, KUBECONFIG))

  assert.equal(credentials.server, 'https://api.example.org:6443')
  assert.deepEqual(await credentials.read(), {
    authorization: 'Bearer secret',
    tls: { ca: Buffer.from('CA'), servername: 'kubernetes' },
  })
})

test('another context can be chosen', async (t) => {
  const credentials = kubeconfigCredentials(kubeconfig(t, KUBECONFIG), 'by-certificate')

  assert.equal(credentials.server, 'https://10.0.0.1')
  assert.deepEqual(await credentials.read(), {
    authorization: undefined,
    tls: { cert: Buffer.from('CERT'), key: Buffer.from('KEY'), rejectUnauthorized: false },
  })
})

test('a context without its cluster, and one that does not exist, are named', (t) => {
  const path = kubeconfig(t, KUBECONFIG)

  for (const context of ['broken', 'none']) {
    assert.throws(() => kubeconfigCredentials(path, context), {
      code: 'ERR_KUBE_AUTH',
      message:
        `${path}: expected a cluster and a user for the context "${context}"; ` +
        'choose another with `kubectl config use-context`',
    })
  }
})

test('a file that is missing or no kubeconfig is named', (t) => {
  const path = kubeconfig(t, 'clusters: 7')

  assert.throws(() => kubeconfigCredentials('/nonexistent/config'), {
    code: 'ERR_KUBE_AUTH',
    message:
      'cannot read the kubeconfig /nonexistent/config: ' +
      "ENOENT: no such file or directory, open '/nonexistent/config'",
  })
  assert.throws(() => kubeconfigCredentials(path), { code: 'ERR_KUBE_AUTH' })
})

test('of several files the first that says something wins, and all are looked into', (t) => {
  const first = kubeconfig(
    t,
    "{ clusters: [{ name: one, cluster: { server: 'https://first' } }], users: [], contexts: [] }",
  )
  const second = kubeconfig(t, KUBECONFIG)

  const { context, namespace, credentials } = openKubeconfig([first, second])

  assert.deepEqual(
    { context, namespace, server: credentials.server },
    { context: 'by-token', namespace: 'default', server: 'https://first' },
  )
})

test('a context that does not exist is answered with those that do', (t) => {
  assert.throws(() => openKubeconfig([kubeconfig(t, KUBECONFIG)], 'production'), {
    code: 'ERR_CONFIG',
    message: '--context: expected one of by-token, by-certificate, broken, received "production"',
  })
})
