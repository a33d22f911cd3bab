import assert from 'node:assert/strict'
import test from 'node:test'
import {
  parseInterfaceFlags,
  readInterfaceState,
} from '../../../../sidecar/engine/interface-state.ts'

for (const [content, what, expected] of [
  ['0x1003\n', 'an interface that is up', { status: 'up', isLoopback: false }],
  ['0x1002\n', 'an interface that is down', { status: 'down', isLoopback: false }],
  ['0x9\n', 'a loopback interface', { status: 'up', isLoopback: true }],
  ['', 'a file that became empty', { status: 'down', isLoopback: false }],
] as const) {
  test(`${what} is recognised by its flags`, () => {
    assert.deepEqual(parseInterfaceFlags(content), expected)
  })
}

test('the loopback interface of this machine is one', async () => {
  assert.equal((await readInterfaceState('lo')).isLoopback, true)
})

test('an interface that does not exist is missing', async () => {
  assert.deepEqual(await readInterfaceState('podtap-none'), {
    status: 'missing',
    isLoopback: false,
  })
})
