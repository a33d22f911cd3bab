import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { startProgram } from '../../helpers/run-program.ts'

const LIMIT = { timeout: 60_000 }
const FILE = join(mkdtempSync(join(tmpdir(), 'podtap-signals-')), 'podtap.json')
const SETTINGS = { SENSOR: '127.0.0.1', INTERFACE: 'podtap-none', MODE: 'host', METRICS_PORT: 0 }

/** The programs that mirror, with the words by which each waits for its interface. */
const PROGRAMS = [
  {
    program: 'sidecar/main.ts',
    options: { env: { CONFIG_FILE: FILE, CONFIG_PATH: FILE } },
    waits: '"state":"waiting"',
  },
  {
    program: 'cli/main.ts',
    options: { args: ['mirror', '--config', FILE], env: { CONFIG_PATH: FILE } },
    waits: 'state=waiting',
  },
]

function write(variables: object): void {
  writeFileSync(FILE, JSON.stringify({ ...SETTINGS, ...variables }))
}

for (const { program, options, waits } of PROGRAMS) {
  test(`${program} reloads its file at SIGHUP and steps its debug level`, LIMIT, async (t) => {
    write({})
    const running = startProgram(t, program, options)
    await running.says(waits)

    write({ SENSOR: '127.0.0.2', BPF: 'udp', VNI: 7 })
    running.process.kill('SIGHUP')
    await running.says('without effect: this needs a new pod')
    await running.says('sensor changed')
    await running.says('configuration reloaded')
    running.process.kill('SIGUSR1')
    await running.says('debug level changed')
    running.process.kill('SIGUSR2')
    await running.says('debug level changed')
    running.process.kill('SIGTERM')

    const { code, stdout, stderr } = await running.end
    assert.deepEqual([code, stderr], [0, ''])
    const levels = [...stdout.matchAll(/debugLevel"?[=:](\d)/g)].map(([, level]) => level)
    assert.deepEqual(levels.slice(-2), ['1', '0'])
  })
}

test('podtap mirror without a file ends at SIGHUP, as its terminal does', LIMIT, async (t) => {
  const args = ['mirror', '--interface', 'podtap-none', '--sensor', '127.0.0.1']
  const running = startProgram(t, 'cli/main.ts', { args })
  await running.says('state=waiting')

  running.process.kill('SIGUSR1')
  await running.says('debug level changed: debugLevel=1')
  running.process.kill('SIGHUP')

  await running.end
  assert.equal(running.process.signalCode, 'SIGHUP')
})
