/** Over real sockets on the loopback interface, because what counts is how the kernel answers. */
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { droppedFrames } from '../../../../sidecar/engine/engine-counters.ts'
import { FrameSender } from '../../../../sidecar/engine/frame-sender.ts'
import { FrameTally } from '../../../../sidecar/engine/frame-tally.ts'
import { SensorConnection } from '../../../../sidecar/engine/sensor-connection.ts'
import { sharePorts } from '../../../../sidecar/engine/prepare-sockets.ts'
import { openSiblings, openSourcePorts } from '../../../../sidecar/engine/source-ports.ts'
import { concat, ethernet, hex, ipv4, tcp } from '../../../helpers/frames.ts'
import { until } from '../../../helpers/until.ts'

const FRAME = ethernet(0x88b5, new Uint8Array(46).fill(0xab))

test('a frame arrives behind a VXLAN header', async (t) => {
  const { sender, tally, connection } = await openSender(t)
  const sensor = await openSensor(t, '127.0.0.1')
  await connection.setDestinations([
    { address: '127.0.0.1', family: 4, port: sensor.address().port },
  ])

  const arrived = once(sensor, 'message') as Promise<[Buffer]>
  send(sender, FRAME)

  assert.deepEqual(Uint8Array.from((await arrived)[0]), concat(hex('08000000 abcdef00'), FRAME))
  await sender.flush()
  assert.equal(tally.snapshot().sentFrames, 1)
  assert.equal(tally.snapshot().sentBytes, 68)
})

test('a frame arrives over IPv6', async (t) => {
  const { sender, connection } = await openSender(t)
  const sensor = await openSensor(t, '::1')
  await connection.setDestinations([{ address: '::1', family: 6, port: sensor.address().port }])

  const arrived = once(sensor, 'message') as Promise<[Buffer]>
  send(sender, FRAME)

  assert.deepEqual(Uint8Array.from((await arrived)[0].subarray(8)), FRAME)
})

test('a half-done checksum is completed on the way', async (t) => {
  const { sender, connection } = await openSender(t)
  const sensor = await openSensor(t, '127.0.0.1')
  await connection.setDestinations([
    { address: '127.0.0.1', family: 4, port: sensor.address().port },
  ])
  const segment = tcp([40000, 80], hex('47455420'), 0x1421)

  const arrived = once(sensor, 'message') as Promise<[Buffer]>
  send(sender, ethernet(0x0800, ipv4({ protocol: 6, payload: segment })))

  // 8 bytes of VXLAN, 14 of Ethernet, 20 of IPv4, 16 of TCP; the value is that of checksum.test.ts.
  assert.equal((await arrived)[0].readUInt16BE(58), 0x63cd)
})

test('frames without a destination are counted', async (t) => {
  const { sender, tally } = await openSender(t)

  send(sender, FRAME)

  assert.equal(tally.snapshot().dropped['no-sensor'], 1)
})

test('a frame that no datagram can carry is counted', async (t) => {
  const { sender, tally, connection } = await openSender(t)
  const sensor = await openSensor(t, '127.0.0.1')
  await connection.setDestinations([
    { address: '127.0.0.1', family: 4, port: sensor.address().port },
  ])

  send(sender, new Uint8Array(65500))

  assert.equal(tally.snapshot().dropped['too-long'], 1)
})

test('a closed port costs no other frame: all are sent, and refusals are counted', async (t) => {
  const { sender, tally, connection } = await openSender(t)
  const sensor = await openSensor(t, '127.0.0.1')
  const { port } = sensor.address()
  sensor.close()
  await connection.setDestinations([{ address: '127.0.0.1', family: 4, port }])

  for (let frame = 0; frame < 20; frame++) {
    send(sender, FRAME)
    await sender.flush()
  }

  const counters = tally.snapshot()
  assert.equal(counters.sentFrames + droppedFrames(counters), 20)
  assert.equal(droppedFrames(counters), counters.dropped.refused)
  assert.ok(counters.dropped.refused > 0, 'the loopback interface refuses at once')

  const reopened = await openSensor(t, '127.0.0.1', port)
  const arrived = once(reopened, 'message')
  send(sender, FRAME)
  await arrived
})

test('a destination without sockets of its family is unreachable', async (t) => {
  const ports = await openSourcePorts()
  const tally = new FrameTally()
  const sender = new FrameSender(1, tally)
  const connection = new SensorConnection({ ...ports, ipv6: [] }, sender, () => Promise.resolve([]))
  t.after(async () => {
    await connection.close()
    for (const socket of ports.ipv6) socket.close()
  })

  await connection.setDestinations([{ address: '::1', family: 6, port: 4789 }])
  send(sender, FRAME)

  assert.equal(tally.snapshot().dropped.unreachable, 1)
})

test('destinations that follow one another quickly end with the last', async (t) => {
  const { sender, connection } = await openSender(t)
  const sensor = await openSensor(t, '127.0.0.1')
  const { port } = sensor.address()

  void connection.setDestinations([{ address: '127.0.0.2', family: 4, port }])
  void connection.setDestinations([])
  void connection.setDestinations([{ address: '::1', family: 6, port }])
  await connection.setDestinations([{ address: '127.0.0.1', family: 4, port }])

  const arrived = once(sensor, 'message')
  send(sender, FRAME)
  await arrived
})

test('a burst is sent or counted, whatever the kernel has room for', async (t) => {
  const { sender, tally, connection } = await openSender(t)
  const sensor = await openSensor(t, '127.0.0.1')
  await connection.setDestinations([
    { address: '127.0.0.1', family: 4, port: sensor.address().port },
  ])
  const long = ethernet(0x88b5, new Uint8Array(65000))

  for (let frame = 0; frame < 500; frame++) send(sender, long)
  await sender.flush()

  const counters = await until(
    () => 'all are accounted for',
    () => {
      const now = tally.snapshot()
      return now.sentFrames + droppedFrames(now) === 500 && now
    },
  )
  assert.equal(counters.dropped.backlog, droppedFrames(counters))
  assert.ok(counters.sentFrames >= 128)
})

async function openSender(t: TestContext): Promise<{
  sender: FrameSender
  tally: FrameTally
  connection: SensorConnection
}> {
  const tally = new FrameTally()
  const sender = new FrameSender(0xabcdef, tally)
  const ports = await openSourcePorts()
  const connection = new SensorConnection(ports, sender, async (family) => {
    sharePorts(true)
    const siblings = await openSiblings(ports, family)
    sharePorts(false)
    return siblings
  })
  t.after(() => connection.close())
  return { sender, tally, connection }
}

async function openSensor(t: TestContext, address: string, port = 0): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(port, address)
  await once(socket, 'listening')
  let isOpen = true
  socket.on('close', () => {
    isOpen = false
  })
  t.after(() => {
    if (isOpen) socket.close()
  })
  return socket
}

function send(sender: FrameSender, bytes: Uint8Array): void {
  sender.send({ bytes, start: 0, end: bytes.length })
}
