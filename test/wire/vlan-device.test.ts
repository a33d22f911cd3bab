/** A node whose pods are reached through a VLAN device: each frame passes it and the interface below. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, afterEach, before } from 'node:test'
import { ethernet, hex, ipv4, tagged, udp } from '../helpers/frames.ts'
import { readPcapFile } from '../helpers/pcap-file.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { LIKE_EACH_OTHER, unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const TAP = join(import.meta.dirname, '../../sidecar/tap/main.ts')
const TAG = 5
const RULES = { names: [], include: ['^eth7'], exclude: ['-p$'], any: true }

let wire: Wire
let deliver: (frame: Uint8Array) => Promise<void>

before(async () => {
  wire = await Wire.open()
  await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)
  await wire.runOnNode('ip', 'addr', 'add', '10.77.0.254/24', 'dev', 'br0')
  await addVeth('eth7')
  deliver = await addVlanDevice()
})
afterEach(() => wire.endProcesses())
after(() => wire.close())

async function addVeth(name: string): Promise<void> {
  await wire.runOnNode('ip', 'link', 'add', name, 'up', 'type', 'veth', 'peer', `${name}-p`)
  await wire.runOnNode('ip', 'link', 'set', `${name}-p`, 'up')
}

/**
 * Makes eth7.5 and returns what lets a frame enter by eth7 with that tag. A kernel without VLAN devices
 * (CONFIG_VLAN_8021Q) still takes tags off what enters, and notes them beside the packet
 * (__netif_receive_skb_core()): what is missing is the second pass, which a veth and the test stand in for.
 */
async function addVlanDevice(): Promise<typeof deliver> {
  const device = ['link', 'eth7', 'name', 'eth7.5', 'up', 'type', 'vlan', 'id', `${TAG}`]
  const hasVlanDevices = await wire.runOnNode('ip', 'link', 'add', ...device).then(
    () => true,
    () => false,
  )
  if (!hasVlanDevices) await addVeth('eth7.5')
  return async (frame) => {
    await wire.sendFrames('node', [tagged(frame, 0x8100, TAG)], { from: 'eth7-p' })
    if (!hasVlanDevices) await wire.sendFrames('node', [frame], { from: 'eth7.5-p' })
  }
}

function start(filter: string, dedupLocal: boolean): Promise<WireEngine> {
  const settings = { engine: 'ring', place: 'node', interfaces: RULES } as const
  return WireEngine.mirroring(wire, { ...settings, filter, dedupLocal })
}

const payload = udp([1000, 9], new Uint8Array(100))
const addresses = { source: hex('0a630001'), destination: hex('0a630002') }
const FRAME = ethernet(0x0800, ipv4({ protocol: 17, payload, ...addresses }))

test('the interface below sees the tag, the VLAN device does not', async () => {
  const engine = await start('udp port 9 or (vlan and udp port 9)', false)
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

  await deliver(FRAME)

  const frames = await arriving.atLeast(2)
  assert.deepEqual(
    frames.map((frame) => frame.subarray(50)),
    [tagged(FRAME, 0x8100, TAG), FRAME],
  )
  await engine.stop()
})

test('a packet that passes both is sent once where that is wanted', async () => {
  const engine = await start('udp port 9 or (vlan and udp port 9)', true)

  await deliver(FRAME)

  const now = await engine.countersWhen('both are accounted for', (each) => {
    return each.capturedFrames === 2 && unaccounted(each) === 0
  })
  assert.deepEqual([now.sentFrames, now.dropped.duplicate], [1, 1])
  await engine.stop()
})

test('a filter for a VLAN lets through what the interface below sees', async () => {
  const engine = await start(`vlan ${TAG}`, false)
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

  await deliver(FRAME)
  await deliver(FRAME)

  const frames = await arriving.atLeast(2)
  assert.deepEqual(
    frames.map((frame) => frame.subarray(50)),
    [tagged(FRAME, 0x8100, TAG), tagged(FRAME, 0x8100, TAG)],
  )
  await engine.stop()
})

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  test(`${settings.engine}: a filter for a VLAN lets through what comes and goes with its tag`, async () => {
    const filter = 'vlan 5 and udp port 9'
    const engine = await WireEngine.mirroring(wire, { ...settings, filter })
    const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')
    const frames = [FRAME, tagged(FRAME, 0x8100, TAG), tagged(FRAME, 0x8100, 6)]

    await wire.sendFrames('client', frames)
    await wire.sendFrames('pod', frames)

    const now = await engine.countersWhen('two are sent', (each) => each.sentFrames >= 2)
    const arrived = await arriving.atLeast(2)
    assert.equal(now.capturedFrames, 2)
    assert.deepEqual(
      arrived.map((frame) => frame.subarray(50)),
      [frames[1], frames[1]],
    )
    await engine.stop()
  })
}

test('podtap tap: a filter for a VLAN lets through what comes with its tag', async () => {
  const options = ['--filter', 'vlan 5 and udp port 9', '--count', '2']
  const tap = wire.start('pod', process.execPath, TAP, ...options)
  tap.stderr!.resume()
  const pieces: Buffer[] = []
  tap.stdout!.on('data', (piece: Buffer) => pieces.push(piece))
  await once(tap.stdout!, 'data')

  const [wanted, other] = [tagged(FRAME, 0x8100, TAG), tagged(FRAME, 0x8100, 6)]
  const ended = once(tap, 'close')
  await wire.sendFrames('client', [FRAME, wanted, other, wanted])
  await ended

  const file = join(wire.folder, 'tap.pcap')
  writeFileSync(file, Buffer.concat(pieces))
  assert.deepEqual(readPcapFile(file), [wanted, wanted])
})
