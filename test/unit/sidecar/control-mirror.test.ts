import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import type { Environment } from '../../../lib/config.ts'
import { controlMirror, type MirrorControl } from '../../../sidecar/control-mirror.ts'
import { DebugLog } from '../../../sidecar/debug-log.ts'
import type { Changes } from '../../../sidecar/plan-reload.ts'
import {
  readConfiguration,
  writeConfiguration,
  type ReadConfiguration,
} from '../../../sidecar/read-configuration.ts'
import { captureLog } from '../../helpers/captured-log.ts'

const FILE = join(mkdtempSync(join(tmpdir(), 'podtap-config-')), 'podtap.json')
const CHECKS = {
  ownNamespace: 'apps',
  checkFilter: () => Promise.resolve(),
}
const FIRST = { SENSOR: '192.0.2.1', MODE: 'host', BPF: 'tcp', INTERFACE_INCLUDE: '^eth' }
const read = (env: Environment = {}): Promise<ReadConfiguration> =>
  readConfiguration({ CONFIG_FILE: FILE, ...env }, CHECKS)

async function begin(env: Environment = {}): Promise<{
  control: MirrorControl
  changes: Partial<Changes>[]
  lines: readonly string[]
}> {
  write(FIRST)
  const { log, lines } = captureLog()
  const changes: Partial<Changes>[] = []
  const running = {
    debug: new DebugLog(log, () => undefined),
    reconfigure: (change: Changes) => {
      changes.push(JSON.parse(JSON.stringify(change)) as Partial<Changes>)
      return Promise.resolve()
    },
  }
  const readAgain = (): Promise<ReadConfiguration> => read(env)
  return {
    control: controlMirror({ running, known: await read(env), readAgain, log }),
    changes,
    lines,
  }
}

function write(variables: object): void {
  writeFileSync(FILE, JSON.stringify(variables))
}

test('the environment wins over the file', async () => {
  write(FIRST)

  const { config, overridden } = await read({ BPF: 'udp', SENSOR: '192.0.2.1' })

  assert.equal(config.filter, 'udp')
  assert.deepEqual(overridden, ['BPF'])
})

test('both names of a variable with different values in the environment are an error', async () => {
  await assert.rejects(readConfiguration({ VSENSOR_HOSTNAME: 'x', SENSOR: 'host:y' }, CHECKS), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: VSENSOR_HOSTNAME: expected the value of SENSOR, "host:y", ' +
      'or only one of both, received "x"',
  })
})

test('the environment wins by whichever name, and its defaults give way to the file', async () => {
  write({ SENSOR: '192.0.2.1', DEBUG_LEVEL: 3, INTERFACE: 'eth1' })

  const { config, overridden } = await read({ VSENSOR_HOSTNAME: '192.0.2.2' })

  assert.deepEqual(config.sensor, { kind: 'address', address: '192.0.2.2', family: 4 })
  assert.deepEqual([config.host.mode, config.host.debugLevel], ['host', 3])
  assert.deepEqual(overridden, ['SENSOR'])
})

test('a file by the vendor’s names is read as such an environment, and written as it is meant', async () => {
  const env = { CONFIG_FILE: FILE }
  write({ VSENSOR_HOSTNAME: 'vsensor' })
  const { log } = captureLog()

  const { config, variables } = await readConfiguration(env, {
    ...CHECKS,
    defaultDevice: () => 'ens5',
  })
  await writeConfiguration(FILE, variables, log)
  const again = await readConfiguration(env, CHECKS)

  assert.deepEqual(config.interfaces?.names, ['ens5'])
  // The one name counts only where there are no rules.
  assert.deepEqual({ ...again.config, interfaceName: config.interfaceName }, config)
})

test('what is written gives the same configuration when it is read', async () => {
  write(FIRST)
  const { log, lines } = captureLog()
  const { config, variables } = await read()

  await writeConfiguration(FILE, variables, log)
  const again = await read()

  assert.deepEqual(again.config, config)
  assert.match(readFileSync(FILE, 'utf8'), /"DEDUP_LOCAL": "off"/)
  assert.deepEqual(lines, [`info the configuration in force is written {"path":"${FILE}"}`])
})

test('a path that cannot be written is one line and nothing else', async () => {
  const { log, lines } = captureLog()

  await writeConfiguration(join(FILE, 'podtap.json'), { SENSOR: 'x' }, log)

  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^info the configuration in force is not written: see CONFIG_PATH/)
})

test('filter, interfaces and sensor are reloaded', async () => {
  const { control, changes, lines } = await begin()

  write({ ...FIRST, BPF: 'udp', INTERFACE_INCLUDE: '^veth', SENSOR: '192.0.2.2' })
  await control.reload()
  await control.reload()

  assert.deepEqual(changes, [
    {
      filter: 'udp',
      interfaces: { names: [], include: ['^veth'], exclude: [], any: false },
      sensor: { kind: 'address', address: '192.0.2.2', family: 4 },
    },
    {},
  ])
  assert.deepEqual(lines, [
    `info configuration reloaded {"path":"${FILE}","changed":["filter","interfaces","sensor"]}`,
    `info configuration reloaded {"path":"${FILE}","changed":[]}`,
  ])
})

test('anything else takes a new pod, and the environment still wins: one line each', async () => {
  const { control, changes, lines } = await begin({ BPF: 'tcp' })

  write({ ...FIRST, BPF: 'udp', VNI: 7, SENSOR_PORT: 4790 })
  await control.reload()

  assert.deepEqual(changes, [{}])
  assert.deepEqual(lines, [
    'warn without effect: the environment wins over the file {"variables":["BPF"]}',
    'warn without effect: this needs a new pod {"variables":["SENSOR_PORT","VNI"]}',
    `info configuration reloaded {"path":"${FILE}","changed":[]}`,
  ])
})

test('a file that is wrong changes nothing, and the next one that is right does', async () => {
  const { control, changes, lines } = await begin()

  write({ ...FIRST, INTERFACE_EXCLUDE: '(' })
  await control.reload()
  write({ ...FIRST, BPF: 'icmp' })
  await control.reload()

  assert.match(lines[0] ?? '', /^error configuration not reloaded .*INTERFACE_EXCLUDE/)
  assert.deepEqual(changes, [{ filter: 'icmp' }])
})

test('signals step the debug level within its bounds', async () => {
  const { control, lines } = await begin()
  for (const by of [-1, 1, 1, 1, 1, 1, 1] as const) control.stepDebugLevel(by)

  const levels = lines.map((line) => /"debugLevel":(\d)/.exec(line)?.[1])
  assert.deepEqual(levels, ['0', '1', '2', '3', '4', '5', '5'])
})
