import assert from 'node:assert/strict'
import test, { suite } from 'node:test'
import { createProgram } from '../../../cli/program.ts'
import { contextFor, podtap } from '../../helpers/cli.ts'

const COMMANDS = createProgram(contextFor({ stdout: '', stderr: '' }))
  .commands.map((command) => command.name())
  .filter((name) => !name.startsWith('_'))

suite('every command', () => {
  for (const name of COMMANDS) {
    test(`${name} has a --help with an example of its own that fits 110 columns`, async () => {
      const { code, stdout } = await podtap([name, '--help'])

      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`^Examples?:\\s.*podtap ${name}\\b`, 'ms'))
      const long = stdout.split('\n').filter((line) => Array.from(line).length > 110)
      assert.deepEqual(long, [])
    })
  }
})

test('--help names the commands and the exit codes', async () => {
  const { code, stdout } = await podtap(['--help'])

  assert.equal(code, 0)
  for (const name of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'))
  assert.match(stdout, /^Exit status: 0 done, 1 it found something wrong or failed, 2 wrong use/m)
})

test('a plugin of kubectl is called as people call it', async () => {
  const { stdout } = await podtap(['--help'], { programPath: '/usr/bin/kubectl-podtap' })

  assert.match(stdout, /^Usage: kubectl podtap /)
})

test('an unknown command or option is exit code 2', async () => {
  assert.deepEqual(await podtap(['statsu']), {
    code: 2,
    stdout: '',
    stderr: "error: unknown command 'statsu'\n(Did you mean status?)\n",
  })
  assert.equal((await podtap(['status', '--all'])).code, 2)
  assert.match(
    (await podtap(['status', '-o', 'xml'])).stderr,
    /Allowed choices are wide, json, yaml/,
  )
})

test('no cluster is exit code 1 and one line', async () => {
  const environment = { KUBECONFIG: '/does/not/exist' }

  for (const command of ['status', 'check']) {
    assert.deepEqual(await podtap([command], { environment }), {
      code: 1,
      stdout: '',
      stderr:
        'podtap: no cluster: KUBECONFIG=/does/not/exist does not exist; name a kubeconfig with ' +
        '--kubeconfig or KUBECONFIG\n',
    })
  }
})
