import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { serviceAccountCredentials } from '../../../../lib/kube/credentials.ts'

function serviceAccount(t: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'podtap-sa-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
  return directory
}

test('token and CA are read anew each time', async (t) => {
  const directory = serviceAccount(t, { token: 'first\n', 'ca.crt': 'CA 1' })
  const credentials = serviceAccountCredentials({ directory, host: '10.96.0.1', port: '443' })

  const before = await credentials.read()
  writeFileSync(join(directory, 'token'), 'second')
  writeFileSync(join(directory, 'ca.crt'), 'CA 2')

  assert.equal(credentials.server, 'https://10.96.0.1:443')
  assert.deepEqual(before, { authorization: 'Bearer first', tls: { ca: 'CA 1' } })
  assert.deepEqual(await credentials.read(), {
    authorization: 'Bearer second',
    tls: { ca: 'CA 2' },
  })
})

test('an IPv6 host is put into brackets', () => {
  const { server } = serviceAccountCredentials({ directory: '/', host: 'fd00::1', port: '6443' })

  assert.equal(server, 'https://[fd00::1]:6443')
})

test('outside a pod there is no API to talk to', () => {
  const outside = { directory: '/', host: undefined, port: '443' }

  assert.throws(() => serviceAccountCredentials(outside, 'do this instead'), {
    code: 'ERR_KUBE_AUTH',
    message:
      'no Kubernetes API to talk to: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not ' +
      'set, as they are in every pod; do this instead',
  })
})

test('a missing or empty token is named', async (t) => {
  const missing = serviceAccount(t, { 'ca.crt': 'CA' })
  const empty = serviceAccount(t, { token: '\n', 'ca.crt': 'CA' })
  const read = (directory: string): Promise<unknown> => {
    return serviceAccountCredentials({ directory, host: 'h', port: '1' }).read()
  }

  await assert.rejects(read(missing), {
    code: 'ERR_KUBE_AUTH',
    message:
      `cannot read ${missing}/token: ` +
      `ENOENT: no such file or directory, open '${missing}/token'`,
  })
  await assert.rejects(read(empty), { code: 'ERR_KUBE_AUTH', message: `${empty}/token is empty` })
})
