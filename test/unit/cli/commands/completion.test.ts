import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'
import { completionScript } from '../../../../cli/completion/scripts.ts'
import { podtap } from '../../../helpers/cli.ts'
import { list, object, startKubeServer } from '../../../helpers/kube-server.ts'
import { kubeconfigFile } from '../../../helpers/kubeconfig-file.ts'

const LIMIT = { timeout: 20_000 }

async function completed(...words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await podtap(['__complete', ...words])
  return stdout.split('\n').slice(0, -1)
}

test('commands are completed, and hidden ones are not', async () => {
  assert.deepEqual(await completed('st'), ['status'])
  assert.deepEqual(
    (await completed('')).filter((word) => word.startsWith('_')),
    [],
  )
})

test('options and their values are completed', async () => {
  assert.deepEqual(await completed('status', '--all'), ['--all-namespaces'])
  assert.deepEqual(await completed('status', '-o', ''), ['wide', 'json', 'yaml'])
  assert.deepEqual(await completed('completion', 'z'), ['zsh'])
  assert.deepEqual(await completed('inject', '-f', ''), [':files'])
  assert.deepEqual(await completed('no-such-command', ''), [])
})

test('namespaces are asked for in the cluster', LIMIT, async (t) => {
  const server = await startKubeServer()
  t.after(() => server.stop())
  server.script(
    list([object('shop', '1'), object('bank', '2'), object('shelf', '3')], { version: '9' }),
  )
  const environment = { KUBECONFIG: kubeconfigFile(t, server.url) }

  const { stdout } = await podtap(['__complete', 'status', '-n', 'sh'], { environment })

  assert.equal(stdout, 'shop\nshelf\n')
})

test('a cluster that does not answer has no names, and nothing is said', LIMIT, async () => {
  const environment = { KUBECONFIG: '/does/not/exist' }

  assert.deepEqual(await podtap(['__complete', 'status', '-n', ''], { environment }), {
    code: 0,
    stdout: '',
    stderr: '',
  })
})

test('bash completes by its script', LIMIT, () => {
  const ask = `podtap() { printf '%s\\n' "$*" wide json; }
${completionScript('bash')}
COMP_WORDS=(podtap status -o '') COMP_CWORD=3
_podtap
printf '%s|' "\${COMPREPLY[@]}"`

  assert.equal(
    execFileSync('bash', ['-c', ask], { encoding: 'utf8' }),
    '__complete status -o |wide|json|',
  )
})
