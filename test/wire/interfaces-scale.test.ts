/**
 * Two hundred interfaces, some of which come and go all the time: those that stay lose nothing. An engine
 * that captures one interface has as much traffic at the same time, so that their figures can be compared.
 * With PODTAP_SCALE_SECONDS it lasts longer than the few seconds that suffice to see that nothing is lost.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test, { after, before } from 'node:test'
import type { EngineCounters } from '../../sidecar/engine/engine.ts'
import type { InterfaceRules } from '../../sidecar/interfaces/choose-interfaces.ts'
import { concat, ethernet, number } from '../helpers/frames.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const SECONDS = Number(process.env['PODTAP_SCALE_SECONDS'] ?? 6)
const INTERFACES = 200

/** 50 in a minute appear and vanish. */
const CHANGE_EVERY_MS = 1200

/** Interfaces that carry traffic all the time. */
const BUSY = ['steady0', 'steady66', 'steady133']

/** The interface with as much traffic as those three, which is mirrored as that of a pod is. */
const SINGLE = 'single0'

/** Frames each millisecond of each sender, about: a pause takes a little longer than it should. */
const PER_MS = 2

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
  await batch([veth('single', 0)])
  const node = await Mirroring.begin({ names: [], include: ['^steady', '^coming'], any: true })
  const single = await Mirroring.begin(undefined)

  const changing = comeAndGo(SECONDS * 1000)
  const sending = BUSY.flatMap((name) => [send(name), send(SINGLE)])
  await Promise.all(sending)
  const changes = await changing

  t.diagnostic(`${changes} changes`)
  assert.ok(changes >= 2, `${changes} changes`)
  assert.ok(node.residentMb < MAX_RESIDENT_MB, `${node.residentMb} MB`)
  for (const each of [node, single]) {
    const { engine } = each
    const now = await engine.countersWhen('all are sent', ({ sentFrames }) => sentFrames >= SENT)
    t.diagnostic(each.describe(now))
    assert.equal(now.sentFrames, SENT)
    assert.equal(now.dropped.kernel, 0)
    assert.equal(unaccounted(await engine.stop()), 0)
  }
})

const FRAMES = Array.from({ length: 100 }, (_, index) =>
  ethernet(0x88b5, concat(number(index, 4), new Uint8Array(60))),
)

const ROUNDS = Math.ceil((SECONDS * 1000 * PER_MS) / FRAMES.length)

/** Frames for each engine. */
const SENT = BUSY.length * ROUNDS * FRAMES.length

function send(from: string): Promise<void> {
  return wire.sendFrames('node', FRAMES, { rounds: ROUNDS, perMs: PER_MS, from })
}

/** An engine on the node and what it takes. */
class Mirroring {
  readonly engine: WireEngine
  readonly #title: string
  readonly #began: { readonly at: number; readonly cpuMs: number }

  private constructor(engine: WireEngine, title: string) {
    this.engine = engine
    this.#title = title
    this.#began = { at: Date.now(), cpuMs: cpuMs(engine.pid) }
  }

  /** Without rules: one interface, as in a pod. */
  static async begin(rules: Omit<InterfaceRules, 'exclude'> | undefined): Promise<Mirroring> {
    const chosen = rules ? { interfaces: { ...rules, exclude: ['-p$'] } } : {}
    const options = { engine: 'ring', place: 'node', filter: 'ether proto 0x88b5' } as const
    const engine = await WireEngine.mirroring(wire, {
      ...options,
      ...chosen,
      interfaceName: SINGLE,
    })
    return new Mirroring(engine, rules ? `${INTERFACES} interfaces` : 'one interface')
  }

  get residentMb(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(this.engine.status())?.[1]) / 1024
  }

  describe({ sentFrames, dropped }: EngineCounters): string {
    const tookMs = Date.now() - this.#began.at
    const usedMs = cpuMs(this.engine.pid) - this.#began.cpuMs
    const share = ((usedMs / tookMs) * 100).toFixed(2)
    const perFrame = ((usedMs * 1000) / sentFrames).toFixed(2)
    const cpu = `CPU ${share} %, ${perFrame} µs a frame`
    const frames = `${sentFrames} frames sent in ${Math.round(tookMs / 1000)} s, ${dropped.kernel} lost`
    return `${this.#title}: ${frames}, ${cpu}, ${Math.round(this.residentMb)} MB resident`
  }
}

/** One interface appears and the one before it vanishes; resolves with how many did. */
async function comeAndGo(forMs: number): Promise<number> {
  const began = Date.now()
  let changes = 0
  while (Date.now() < began + forMs) {
    const gone = changes === 0 ? [] : [`link del coming${changes - 1}`]
    await batch([veth('coming', changes), ...gone])
    changes++
    await delay(Math.max(0, began + changes * CHANGE_EVERY_MS - Date.now()))
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
