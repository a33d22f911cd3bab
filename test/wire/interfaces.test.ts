/** Several interfaces at once, as on a node: chosen by name and expression, followed as they come and go. */
import assert from 'node:assert/strict'
import test, { after, afterEach, before } from 'node:test'
import type { InterfaceRules } from '../../sidecar/interfaces/choose-interfaces.ts'
import { concat, ethernet, hex, ipv4, number, tagged, udp } from '../helpers/frames.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const ONE_OF_OURS = 'ether proto 0x88b5 or (vlan and ether proto 0x88b5)'

let wire: Wire

before(async () => {
  wire = await Wire.open()
  await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)
  await wire.runOnNode('ip', 'link', 'set', 'lo', 'up')
  await wire.runOnNode('ip', 'addr', 'add', '10.77.0.254/24', 'dev', 'br0')
})
afterEach(async () => {
  await wire.endProcesses()
  for (const name of ['eth7', 'eth8', 'veth1', 'veth2', 'new0', 'br1', 'eth9.5', 'tun7', 'p']) {
    await wire.runOnNode('ip', 'link', 'del', name).catch(() => undefined)
  }
})
after(() => wire.close())

/** Frames that are marked with the interface that they pass: any frame sent on `x` leaves by `x`. */
async function sendOn(interfaceName: string, mark: number, count = 1): Promise<void> {
  const frames = Array.from({ length: count }, (_, index) =>
    ethernet(0x88b5, concat(number(mark, 2), number(index, 4), new Uint8Array(40))),
  )
  await wire.sendFrames('node', frames, { from: interfaceName })
}

/** Makes a pair whose one end `name` is on the node, up; the other end is there, too. */
async function addVeth(name: string, ...options: readonly string[]): Promise<void> {
  const peer = ['type', 'veth', 'peer', 'name', `${name}-p`]
  await wire.runOnNode('ip', 'link', 'add', name, 'up', ...options, ...peer)
  // What leaves by one end would come in at the other.
  await wire.runOnNode('ip', 'link', 'set', `${name}-p`, 'up')
}

const rules = (wanted: Partial<InterfaceRules>): InterfaceRules => {
  return { names: [], include: [], exclude: ['-p$'], any: false, ...wanted }
}

async function start(wanted: Partial<InterfaceRules>): Promise<WireEngine> {
  return WireEngine.mirroring(wire, {
    engine: 'ring',
    place: 'node',
    filter: ONE_OF_OURS,
    interfaces: rules(wanted),
  })
}

/** The marks of all frames that the engine sent, once `count` have arrived. */
async function marksOf(arriving: WireCapture, count: number): Promise<number[]> {
  const frames = await arriving.atLeast(count)
  return frames.map((frame) => new DataView(frame.buffer, frame.byteOffset + 50 + 14).getUint16(0))
}

function takenBy(engine: WireEngine): string[] {
  const taken = new Set<string>()
  for (const change of engine.interfaces) {
    change.left.forEach((name) => taken.delete(name))
    change.taken.forEach((name) => taken.add(name))
  }
  return [...taken].sort()
}

async function takes(engine: WireEngine, expected: readonly string[]): Promise<void> {
  await until(
    () => `taken: ${takenBy(engine).join()}; expected: ${expected.join()}`,
    () => takenBy(engine).join() === [...expected].sort().join(),
  )
}

const HOST_LINKS = ['br0', 'client', 'pod', 'sensor']

test('by default all interfaces but loopback are captured, and none that appears later', async () => {
  await addVeth('eth7')
  const engine = await start({})
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

  await takes(engine, [...HOST_LINKS, 'eth7'])
  await addVeth('eth8')
  await sendOn('eth8', 8)
  await sendOn('eth7', 7)
  await sendOn('lo', 1)
  await sendOn('br0', 2)

  assert.deepEqual([...new Set(await marksOf(arriving, 2))], [7, 2])
  assert.equal(unaccounted(await engine.stop()), 0)
})

test('the vendor’s examples: ^eth is taken, eth7 and ^veth are not', async () => {
  for (const name of ['eth7', 'eth8', 'veth1']) await addVeth(name)
  const engine = await start({ include: ['^eth', '^veth'], exclude: ['eth7', '^veth', '-p$'] })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

  await takes(engine, ['eth8'])
  await sendOn('eth7', 7)
  await sendOn('veth1', 1)
  await sendOn('eth8', 8)

  assert.deepEqual(await marksOf(arriving, 1), [8])
  assert.deepEqual(
    engine.states.map(({ reason }) => reason),
    ['capturing on eth8'],
  )
})

test('interfaces that appear are taken up, those that vanish or are renamed are let go', async () => {
  const engine = await start({ include: ['^veth'], any: true })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')
  assert.equal(engine.states.at(-1)?.state, 'waiting')

  await addVeth('veth1')
  await addVeth('veth2')
  await takes(engine, ['veth1', 'veth2'])
  await engine.enters('capturing', 0)
  await sendOn('veth1', 1)
  await sendOn('veth2', 2)
  await marksOf(arriving, 2)

  await wire.runOnNode('ip', 'link', 'set', 'veth1', 'name', 'new0')
  await wire.runOnNode('ip', 'link', 'del', 'veth2')
  await takes(engine, [])
  await sendOn('new0', 3)
  await wire.runOnNode('ip', 'link', 'set', 'new0', 'name', 'veth1')
  await takes(engine, ['veth1'])
  await sendOn('veth1', 4)

  assert.deepEqual(await marksOf(arriving, 3), [1, 2, 4])
  assert.equal(unaccounted(await engine.stop()), 0)
})

test('an interface made anew with another MTU is taken up again, also where no other would be', async () => {
  await addVeth('eth7')
  const engine = await start({ names: ['eth7'] })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

  await wire.runOnNode('ip', 'link', 'del', 'eth7')
  await engine.enters('waiting', 1)
  await addVeth('eth7', 'mtu', '9000')
  await engine.enters('capturing', 2)
  const jumbo = ethernet(0x88b5, concat(number(7, 2), new Uint8Array(1300)))
  await wire.sendFrames('node', [jumbo], { from: 'eth7' })

  assert.deepEqual(await marksOf(arriving, 1), [7])
})

test('a bridge is an interface like others, tags arrive, one without Ethernet frames is left out', async () => {
  await addVeth('eth9.5')
  await wire.runOnNode('ip', 'link', 'add', 'br1', 'up', 'type', 'bridge')
  await wire.runOnNode('ip', 'link', 'set', 'eth9.5', 'master', 'br1')
  await wire.runOnNode('ip', 'tuntap', 'add', 'tun7', 'mode', 'tun')
  const engine = await start({ include: ['^br1', '^eth9', '^tun'], any: true })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

  await takes(engine, ['br1', 'eth9.5'])
  const frame = tagged(ethernet(0x88b5, new Uint8Array(46)), 0x8100, 5)
  await wire.sendFrames('node', [frame], { from: 'br1' })

  // It leaves by the bridge, then by the bridge's port.
  const frames = await arriving.atLeast(2)
  assert.deepEqual(
    frames.map((each) => each.subarray(50)),
    [frame, frame],
  )
  assert.deepEqual(
    engine.interfaces.flatMap(({ unfit }) => unfit),
    ['tun7'],
  )
})

test('a bridge that loses a port keeps it as an interface', async () => {
  await addVeth('eth7')
  await wire.runOnNode('ip', 'link', 'add', 'br1', 'up', 'type', 'bridge')
  await wire.runOnNode('ip', 'link', 'set', 'eth7', 'master', 'br1')
  await start({ include: ['^eth7'], any: true })
  const arriving = await WireCapture.start(wire, 'sensor', 'eth0', 'udp dst port 4789')

  await wire.runOnNode('ip', 'link', 'set', 'eth7', 'nomaster')
  await wire.runOnNode('ip', 'link', 'del', 'br1')
  await addVeth('eth8')
  await sendOn('eth7', 7)

  assert.deepEqual(await marksOf(arriving, 1), [7])
})

test('mirrored frames of others, and refusals of them, are not mirrored again by the node', async (t) => {
  await wire.run('sensor', 'ip', 'link', 'del', 'vx0')
  t.after(() => wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4))
  const onThePod = await WireEngine.mirroring(wire, { engine: 'ring', filter: 'udp port 9' })
  const onTheNode = await WireEngine.mirroring(wire, {
    engine: 'ring',
    place: 'node',
    interfaces: rules({ any: true, exclude: [] }),
    // The pod's answers are limited in their rate.
    filter: 'ip and not (icmp and src host 10.77.0.1)',
  })

  // Longer than fits: each is mirrored in two datagrams, which the sensor's closed port refuses.
  const payload = udp([1000, 9], new Uint8Array(1472))
  const addresses = { source: hex('0a4d0002'), destination: hex('0a4d0001') }
  const frame = ethernet(0x0800, ipv4({ protocol: 17, payload, ...addresses }))
  frame.set(hex(HOSTS.pod.mac.replaceAll(':', '')))
  await wire.sendFrames('client', [frame], { rounds: 5 })

  await onThePod.countersWhen('all are captured', (now) => now.capturedFrames === 5)
  // Each packet enters by one veth and leaves by the other.
  await onTheNode.countersWhen('all are captured', (now) => now.capturedFrames >= 10)
  assert.equal((await onThePod.stop()).capturedFrames, 5)
  assert.equal((await onTheNode.stop()).capturedFrames, 10)
})

test('interfaces are chosen anew while frames flow, and those that stay lose none', async () => {
  for (const name of ['eth7', 'eth8']) await addVeth(name)
  const engine = await start({ names: ['eth7'] })
  const sending = sendOn('eth7', 7, 20_000)

  for (let round = 0; round < 20; round++) {
    const names = round % 2 === 0 ? ['eth7', 'eth8'] : ['eth7']
    engine.tell({ command: 'interfaces', rules: rules({ names }) })
    await engine.setFilter(`${ONE_OF_OURS} or udp port ${1000 + round}`)
  }
  await sending

  const now = await engine.countersWhen('all are sent', ({ sentFrames }) => sentFrames >= 20_000)
  assert.equal(now.sentFrames, 20_000)
  assert.equal(unaccounted(await engine.stop()), 0)
})

test('a packet that passes several interfaces is sent once where that is wanted', async () => {
  const payload = udp([1000, 9], new Uint8Array(100))
  const addresses = { source: hex('0a4d0002'), destination: hex('0a4d0001') }
  const frame = ethernet(0x0800, ipv4({ protocol: 17, payload, ...addresses }))
  frame.set(hex(HOSTS.pod.mac.replaceAll(':', '')))
  const engine = await WireEngine.mirroring(wire, {
    engine: 'ring',
    place: 'node',
    interfaces: rules({ any: true, exclude: [] }),
    filter: 'udp port 9',
    dedupLocal: true,
  })

  // Sent again it is another packet with the same bytes.
  await wire.sendFrames('client', [frame], { rounds: 3 })

  const now = await engine.countersWhen('all are accounted for', (each) => {
    return each.capturedFrames === 6 && unaccounted(each) === 0
  })
  assert.equal(now.sentFrames, 3)
  assert.equal(now.dropped.duplicate, 3)
  await engine.stop()
})

test('packets from and to addresses that others mirror are left out', async () => {
  const engine = await WireEngine.mirroring(wire, {
    engine: 'ring',
    place: 'node',
    interfaces: rules({ names: ['client'] }),
    filter: 'udp port 9 or arp[24:4] = 0x0a4d0063',
  })
  const to = (destination: string, source = '0a4d0002'): Uint8Array => {
    const fields = { source: hex(source), destination: hex(destination) }
    return ethernet(
      0x0800,
      ipv4({ protocol: 17, payload: udp([1000, 9], new Uint8Array(9)), ...fields }),
    )
  }
  const arp = ethernet(
    0x0806,
    hex(`0001 0800 0604 0001 020000007702 0a4d0002 000000000000 0a4d0063`),
  )
  const frames = [to('0a4d0063'), to('0a4d0064'), to('0a4d0001', '0a4d0063'), arp]

  engine.tell({ command: 'exclude', addresses: ['10.77.0.99', 'fd77::99'] })
  await engine.counters()
  await wire.sendFrames('client', frames)
  const excluding = await engine.countersWhen('one is sent', (now) => now.sentFrames >= 1)
  engine.tell({ command: 'exclude', addresses: [] })
  await engine.counters()
  await wire.sendFrames('client', frames)
  const all = await engine.countersWhen('four more are sent', (now) => now.sentFrames >= 5)

  assert.deepEqual([excluding.capturedFrames, all.capturedFrames], [1, 5])
  await engine.stop()
})

test('the debug level changes what the engine tells, and what it tells is limited', async () => {
  await addVeth('eth7')
  const engine = await start({ names: ['eth7'] })

  await sendOn('eth7', 7, 10)
  await engine.countersWhen('10 are sent', (now) => now.sentFrames === 10)
  const { length: atLevelZero } = engine.debugLines
  assert.equal(atLevelZero, 0)

  engine.tell({ command: 'debug', level: 5 })
  await engine.counters()
  await sendOn('eth7', 7, 1000)
  await engine.countersWhen('1000 more are sent', (now) => now.sentFrames === 1010)
  const frames = engine.debugLines.filter(({ level }) => level === 5)
  assert.match(JSON.stringify(frames[0]?.fields), /"hex":"02000000000202000000000188b50007/)
  assert.ok(frames.length <= 60, `${frames.length} lines`)
  await engine.stop()
})
