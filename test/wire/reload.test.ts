/** The configuration file of a running node is reloaded while frames flow. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { after, before, suite } from 'node:test'
import { concat, ethernet, number } from '../helpers/frames.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const PODTAP = join(import.meta.dirname, '../../cli/main.ts')
const RELOADS = 10
const FRAMES = Array.from({ length: 100 }, (_, index) =>
  ethernet(0x88b5, concat(number(index, 4), new Uint8Array(60))),
)
const ROUNDS = 200
const SENT = FRAMES.length * ROUNDS

/** Frames that arrive from one reload to the next, at least. */
const BETWEEN_RELOADS = 1000

/** Lines a second that the engine writes about its work, of each of three levels, see docs/host.md. */
const LINES_PER_SECOND = 3 * 20

/** Another address of the sensor's host. */
const OTHER_ADDRESS = '10.77.0.33'

suite('a node’s configuration file', { timeout: 120_000 }, () => {
  let wire: Wire
  let file: string
  const lines: string[] = []

  before(async () => {
    wire = await Wire.open()
    file = join(wire.folder, 'podtap.json')
    await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)
    await wire.run('sensor', 'ip', 'addr', 'add', `${OTHER_ADDRESS}/24`, 'dev', 'eth0')
    await wire.runOnNode('ip', 'addr', 'add', '10.77.0.254/24', 'dev', 'br0')
    for (const address of [HOSTS.sensor.ipv4, OTHER_ADDRESS]) {
      const known = ['lladdr', HOSTS.sensor.mac, 'dev', 'br0', 'nud', 'permanent']
      await wire.runOnNode('ip', 'neigh', 'add', address, ...known)
    }
    for (const name of ['eth7', 'eth8']) {
      await wire.runOnNode('ip', 'link', 'add', name, 'up', 'type', 'veth', 'peer', `${name}-p`)
      await wire.runOnNode('ip', 'link', 'set', `${name}-p`, 'up')
    }
  })
  after(() => wire.close())

  function write(variables: object): void {
    const always = { MODE: 'host', CONFIG_PATH: file, METRICS_PORT: 0, INTERFACE: 'eth7' }
    const filter = { BPF: 'ether proto 0x88b5', SENSOR: HOSTS.sensor.ipv4 }
    writeFileSync(file, JSON.stringify({ ...always, ...filter, ...variables }))
  }

  function mirror(): ChildProcess {
    const child = wire.start('node', process.execPath, PODTAP, 'mirror', '--config', file)
    child.stderr!.pipe(process.stderr)
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line))
    return child
  }

  function count(wanted: string): number {
    return lines.filter((line) => line.includes(wanted)).length
  }

  async function says(wanted: string, times: number): Promise<void> {
    await until(
      () => `${times} × ${wanted} in\n${lines.filter((line) => !line.includes('hex=')).join('\n')}`,
      () => count(wanted) >= times,
    )
  }

  async function reload(program: ChildProcess, round: number): Promise<void> {
    write({
      INTERFACE: round % 2 === 0 ? 'eth7 eth8' : 'eth7',
      BPF: `ether proto 0x88b5 or udp port ${1000 + round}`,
      SENSOR: round % 2 === 0 ? OTHER_ADDRESS : HOSTS.sensor.ipv4,
    })
    program.kill('SIGHUP')
    await says('configuration reloaded', round + 1)
  }

  test('at SIGHUP filter, interfaces and sensor change, at debug level 5, and no frame is lost', async (t) => {
    write({})
    const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')
    const program = mirror()
    await says('state=capturing', 1)
    for (let level = 1; level <= 5; level++) {
      program.kill('SIGUSR1')
      await says('debug level changed', level)
    }

    const began = Date.now()
    const sending = wire.sendFrames('node', FRAMES, { rounds: ROUNDS, perMs: 5, from: 'eth7' })
    for (let round = 0; round < RELOADS; round++) {
      await arriving.atLeast(round * BETWEEN_RELOADS + 1)
      await reload(program, round)
    }
    await sending
    await arriving.atLeast(SENT)
    const seconds = (Date.now() - began) / 1000
    const exited = once(program, 'exit')
    program.kill('SIGINT')
    await exited

    assert.equal((await arriving.stop()).length, SENT)
    assert.equal(lines.at(-1), `captured ${SENT} frames, sent ${SENT}, dropped 0`)
    assert.equal(count('changed=["filter","interfaces","sensor"]'), RELOADS)
    const perLevel = ['frames sent:', 'reconfigured:', 'interfaces changed:', 'block read:', 'hex=']
    assert.deepEqual(
      perLevel.filter((each) => count(each) === 0),
      [],
    )
    const ofWork = count('hex=') + count('block read') + count('frames sent:')
    t.diagnostic(`${ofWork} lines about ${SENT} frames in ${seconds.toFixed(1)} s`)
    assert.ok(ofWork <= LINES_PER_SECOND * (seconds + 5), `${ofWork} lines`)
  })
})
