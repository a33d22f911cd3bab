import assert from 'node:assert/strict'
import test from 'node:test'
import { runProgram } from '../../helpers/run-program.ts'

const LIMIT = { timeout: 20_000 }
const MAIN = 'cli/main.ts'

test('--help names the commands', LIMIT, async (t) => {
  const { code, stdout } = await runProgram(t, MAIN, { args: ['--help'] })

  assert.equal(code, 0)
  assert.match(stdout, /^ {2}mirror \[options\] +mirror the frames of an interface to a sensor/m)
})

test('a missing option is exit code 2', LIMIT, async (t) => {
  const { code, stderr } = await runProgram(t, MAIN, { args: ['mirror', '--interface', 'eth0'] })

  assert.equal(code, 2)
  assert.equal(
    stderr,
    'podtap: invalid configuration: --sensor: expected an IP address or a host name, received nothing\n',
  )
})

test('a wrong option is exit code 2 and one line', LIMIT, async (t) => {
  const args = ['mirror', '--interface', 'eth0', '--sensor', '192.0.2.30', '--vni', '-1']

  const { code, stderr } = await runProgram(t, MAIN, { args })

  assert.equal(code, 2)
  assert.equal(
    stderr,
    'podtap: invalid configuration: ' +
      '--vni: expected an integer 0…16777215 or 0x0…0xffffff, received "-1"\n',
  )
})

test(
  'a mirror tells what it does, and what it counted when it is interrupted',
  LIMIT,
  async (t) => {
    const args = ['mirror', '--interface', 'podtap-none', '--sensor', '192.0.2.30']

    const { code, stdout } = await runProgram(t, MAIN, { args, terminateAt: 'is missing' })

    assert.equal(code, 0)
    assert.match(
      stdout,
      /^[\d:]+ sensor found: sensor=192\.0\.2\.30 address=192\.0\.2\.30 port=4789/m,
    )
    assert.match(stdout, /^captured 0 frames, sent 0, dropped 0\n$/m)
  },
)
