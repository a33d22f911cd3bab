import assert from 'node:assert/strict'
import test from 'node:test'
import { runProgram } from '../../helpers/run-program.ts'

const LIMIT = { timeout: 20_000 }
const MAIN = 'sidecar/main.ts'

/** The lines of a log without their times. */
function entries(stdout: string): Record<string, unknown>[] {
  const lines = stdout.trim().split('\n')
  return lines.map((line) => ({ ...(JSON.parse(line) as object), time: undefined }))
}

test('a wrong configuration is one line, and exit code 2', LIMIT, async (t) => {
  const { code, stdout, stderr } = await runProgram(t, MAIN, { env: { VNI: '-1' } })

  assert.equal(code, 2)
  assert.equal(stderr, '')
  assert.deepEqual(entries(stdout), [
    {
      level: 'fatal',
      time: undefined,
      component: 'sidecar',
      code: 'ERR_CONFIG',
      msg:
        'invalid configuration: SENSOR: expected a value (it is required), received nothing; ' +
        'VNI: expected an integer 0…16777215 or 0x0…0xffffff, received "-1"',
    },
  ])
})

test('looking for pods outside a pod is exit code 2', LIMIT, async (t) => {
  const env = { SENSOR: 'sensor', SENSOR_NAMESPACE: 'ndr' }

  const { code, stdout } = await runProgram(t, MAIN, { env })

  assert.equal(code, 2)
  assert.equal(entries(stdout)[0]?.code, 'ERR_KUBE_AUTH')
})

test('a missing interface is waited for, and SIGTERM is exit code 0', LIMIT, async (t) => {
  const env = { SENSOR: '127.0.0.1', INTERFACE: 'podtap-none', METRICS_PORT: '0' }

  const end = await runProgram(t, MAIN, { env, terminateAt: '"state":"waiting"' })

  assert.equal(end.code, 0)
  assert.deepEqual(
    entries(end.stdout).map(({ msg }) => msg),
    [
      'mirroring begins',
      'sensor found',
      'engine state changed',
      'engine state changed',
      'mirroring ended',
    ],
  )
})

test('a missing interface ends it where that is wanted, with exit code 2', LIMIT, async (t) => {
  const named = { SENSOR: '127.0.0.1', INTERFACE: 'podtap-none lo', METRICS_PORT: '0' }

  const end = await runProgram(t, MAIN, { env: { ...named, INTERFACE_MISSING: 'fail' } })

  assert.equal(end.code, 2)
  assert.deepEqual(
    entries(end.stdout).map(({ code, msg }) => [code, msg]),
    [
      [
        'ERR_INTERFACE',
        'INTERFACE: expected interfaces that exist, because INTERFACE_MISSING is fail; missing: podtap-none',
      ],
    ],
  )
})

test(
  'both names of a variable with different values are one line, and exit code 2',
  LIMIT,
  async (t) => {
    const env = { VSENSOR_HOSTNAME: '127.0.0.1', SENSOR: '127.0.0.2', NETWORK_DEVICE_ANY: '1' }

    const end = await runProgram(t, MAIN, { env })

    assert.equal(end.code, 2)
    assert.deepEqual(
      entries(end.stdout).map(({ msg }) => msg),
      [
        'invalid configuration: VSENSOR_HOSTNAME: expected the value of SENSOR, "127.0.0.2", ' +
          'or only one of both, received "127.0.0.1"',
      ],
    )
  },
)

test(
  'where the configuration cannot be written a line says so, and it mirrors',
  LIMIT,
  async (t) => {
    // Nothing can be made in that file system.
    const env = {
      SENSOR: '127.0.0.1',
      MODE: 'host',
      METRICS_PORT: '0',
      CONFIG_PATH: '/proc/x.json',
    }

    const end = await runProgram(t, MAIN, { env, terminateAt: 'engine state changed' })

    assert.equal(end.code, 0)
    const [first, second] = entries(end.stdout)
    assert.equal(first?.msg, 'the configuration in force is not written: see CONFIG_PATH')
    assert.match(String(first.reason), /^ENOENT: .*\/proc\/x\.json/)
    assert.equal(second?.msg, 'mirroring begins')
  },
)

test('after DURATION it ends by itself with exit code 0', LIMIT, async (t) => {
  const named = { SENSOR: '127.0.0.1', INTERFACE: 'podtap-none', METRICS_PORT: '0' }

  const end = await runProgram(t, MAIN, { env: { ...named, DURATION: '1s' } })

  assert.equal(end.code, 0)
  assert.equal(entries(end.stdout).at(-1)?.msg, 'mirroring ended after DURATION')
})
