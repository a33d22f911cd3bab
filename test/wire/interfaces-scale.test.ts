/**
 * Two hundred interfaces, some of which come and go all the time: those that stay lose nothing. With
 * PODTAP_SCALE_SECONDS it lasts longer than the few seconds that suffice to see that.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test, { after, before } from 'node:test'
import { concat, ethernet, number } from '../helpers/frames.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const SECONDS = Number(process.env['PODTAP_SCALE_SECONDS'] ?? 6)
const INTERFACES = 200

/** 50 in a minute appear and vanish. */
const CHANGE_EVERY_MS = 1200

/** Interfaces that carry traffic all the time, and frames a second of each. */
const BUSY = ['steady0', 'steady66', 'steady133']

/** About 64 MB of Node.js, 16 MB of ring and what frames take. */
const MAX_RESIDENT_MB = 160

let wire: Wire

before(async () => {
  wire = await Wire.open()
  await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)
  await wire.runOnNode('ip', 'addr', 'add', '10.77.0.254/24', 'dev', 'br0')
})
after(() => wire.close())

test('of 200 interfaces those that stay lose nothing while others come and go', async (t) => {
  await batch(Array.from({ length: INTERFACES }, (_, index) => veth('steady', index)))
  const engine = await WireEngine.mirroring(wire, {
    engine: 'ring',
    place: 'node',
    filter: 'ether proto 0x88b5',
    interfaces: { names: [], include: ['^steady', '^coming'], exclude: ['-p$'], any: true },
  })
  const began = { at: Date.now(), cpu: cpuMs(engine.pid) }

  const changing = comeAndGo(SECONDS * 1000)
  let sent = 0
  while (Date.now() - began.at < SECONDS * 1000) {
    for (const name of BUSY) {
      await wire.sendFrames('node', FRAMES, { rounds: 20, from: name })
      sent += FRAMES.length * 20
    }
  }
  const changes = await changing

  const now = await engine.countersWhen('all are sent', ({ sentFrames }) => sentFrames >= sent)
  const residentMb = Number(/VmRSS:\s+(\d+)/.exec(engine.status())?.[1]) / 1024
  const cpuShare = (cpuMs(engine.pid) - began.cpu) / (Date.now() - began.at)
  t.diagnostic(
    `${sent} frames, ${changes} changes, ${Math.round(residentMb)} MB resident, CPU ${(cpuShare * 100).toFixed(1)} %`,
  )
  assert.equal(now.sentFrames, sent)
  assert.equal(now.dropped.kernel, 0)
  assert.ok(changes >= 2, `${changes} changes`)
  assert.ok(residentMb < MAX_RESIDENT_MB, `${residentMb} MB`)
  assert.equal(unaccounted(await engine.stop()), 0)
})

const FRAMES = Array.from({ length: 100 }, (_, index) =>
  ethernet(0x88b5, concat(number(index, 4), new Uint8Array(60))),
)

/** One interface appears and the one before it vanishes; resolves with how many did. */
async function comeAndGo(forMs: number): Promise<number> {
  const until = Date.now() + forMs
  let changes = 0
  while (Date.now() < until) {
    const gone = changes === 0 ? [] : [`link del coming${changes - 1}`]
    await batch([veth('coming', changes), ...gone])
    changes++
    await delay(CHANGE_EVERY_MS)
  }
  return changes
}

function veth(name: string, index: number): string {
  const end = `${name}${index}`
  return `link add ${end} up type veth peer name ${end}-p\nlink set ${end}-p up`
}

async function batch(lines: readonly string[]): Promise<void> {
  const file = join(wire.folder, 'links')
  writeFileSync(file, `${lines.join('\n')}\n`)
  await wire.runOnNode('ip', '-batch', file)
}

/** User and system time of a process so far (proc_pid_stat(5): fields 14 and 15, in ticks of 10 ms). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
