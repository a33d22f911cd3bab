/** Real conversations of real kernels, with checksum offload as veth has it, seen whole by a sensor. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { concat, ethernet, hex, ipv4 } from '../helpers/frames.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import {
  LIKE_EACH_OTHER,
  unaccounted,
  WireEngine,
  type WireEngineOptions,
} from '../helpers/wire-engine.ts'
import { asSet, TEST_ETHER_TYPE, withoutChecksum } from '../helpers/wire-frames.ts'
import { openWire } from '../helpers/open-wire.ts'
import { CONVERSATION, HOSTS } from '../helpers/wire.ts'

const VNI = 0xabcdef

/** CONVERSATION, and the frame that ends it. */
const WATCHED = `(${CONVERSATION}) or ether proto 0x88b5`

/** Ends a conversation: what a capture has before it can be compared. */
const MARKER = ethernet(TEST_ETHER_TYPE, new Uint8Array(46).fill(0xee))

/** tshark: a checksum that is there and wrong (1 is good, 3 is none). */
const BAD_CHECKSUM =
  'tcp.checksum.status == 0 or udp.checksum.status == 0 or ip.checksum.status == 0'

const HTTP_SERVER = `
  import { createServer } from 'node:http'
  createServer((request, response) => {
    response.end('answer to ' + request.url + ' '.repeat(60000))
  }).listen(8080, '::', () => console.log('listening'))`

const UDP_ECHO = `
  import { createSocket } from 'node:dgram'
  const socket = createSocket('udp6')
  socket.on('message', (message, from) => socket.send(message, from.port, from.address))
  socket.bind(7, '::', () => console.log('listening'))`

/** Sends datagrams one after the other, each when the echo of the one before is back. */
const UDP_CLIENT = `
  import { createSocket } from 'node:dgram'
  const [host, count] = process.argv.slice(1)
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  let sent = 0
  const next = () => {
    if (sent === Number(count)) return socket.close()
    socket.send(Buffer.alloc(1 + (sent++ * 37) % 1400, 'u'), 7, host)
  }
  socket.on('message', next)
  next()`

const wire = await openWire()
await wire.addVxlan(VNI, HOSTS.sensor.ipv4)

for (const [family, url] of [
  ['IPv4', 'http://10.77.0.1:8080'],
  ['IPv6', 'http://[fd77::1]:8080'],
] as const) {
  test(`an HTTP conversation over ${family} arrives whole, with every checksum right`, async () => {
    await wire.startScript('pod', HTTP_SERVER)
    const mirror = await startMirror()

    const body = await wire.script(
      'client',
      `console.log(await (await fetch('${url}/index')).text())`,
    )
    assert.match(body, /^answer to \/index/)
    const arrived = await mirror.end()

    assert.deepEqual(await mirror.seen.tshark('http.request', 'http.request.uri'), [['/index']])
    assert.deepEqual(await mirror.seen.tshark('http.response', 'http.response.code'), [['200']])
    assert.deepEqual(await mirror.seen.tshark(BAD_CHECKSUM, 'frame.number'), [])
    assert.ok(arrived.length >= 8)
    // The pod's own interface shows that there was something to complete.
    assert.notDeepEqual(await mirror.reference.tshark(BAD_CHECKSUM, 'frame.number'), [])
  })
}

test('megabytes of TCP in both directions arrive byte for byte, super-frames included', async () => {
  const server = wire.start('pod', 'iperf3', '-s', '-1', '--forceflush')
  await once(server.stdout!, 'data')
  const mirror = await startMirror()

  // Slow enough that nothing is lost on a busy machine; 64 KB super-frames nevertheless.
  await wire.run('client', 'iperf3', '-c', '10.77.0.1', '--bidir', '-b', '40M', '-n', '3M')
  const arrived = await mirror.end()

  assert.ok(Math.max(...arrived.map((frame) => frame.length)) > 10_000)
  assert.deepEqual(await mirror.seen.tshark(BAD_CHECKSUM, 'frame.number'), [])
  assert.deepEqual(await mirror.seen.tshark('tcp.analysis.lost_segment', 'frame.number'), [])
})

for (const settings of Object.values(LIKE_EACH_OTHER)) {
  for (const [family, address] of [
    ['IPv4', HOSTS.pod.ipv4],
    ['IPv6', HOSTS.pod.ipv6],
  ] as const) {
    test(`${settings.engine}: of 200 UDP requests and answers over ${family} none is lost`, async () => {
      await wire.startScript('pod', UDP_ECHO)
      const mirror = await startMirror(settings)

      await wire.script('client', UDP_CLIENT, address, '200')
      await mirror.end()

      const rows = await mirror.seen.tshark('udp.port == 7', 'udp.length')
      assert.equal(rows.length, 400)
      assert.deepEqual(await mirror.seen.tshark(BAD_CHECKSUM, 'frame.number'), [])
    })
  }

  test(`${settings.engine}: ping and its answer arrive`, async () => {
    const mirror = await startMirror(settings)
    const isAnswer = (frame: Uint8Array): boolean => frame[23] === 1 && frame[34] === 0

    await wire.sendFrames('client', [echoRequest()])
    await until(
      () => 'the pod answers',
      () => mirror.reference.frames().some(isAnswer),
    )
    await mirror.end()

    const rows = await mirror.seen.tshark('icmp', 'icmp.type', 'icmp.checksum.status')
    assert.deepEqual(rows, [
      ['8', '1'],
      ['0', '1'],
    ])
  })
}

/** A request that the pod's kernel answers; ping itself is not on every machine. */
function echoRequest(): Uint8Array {
  const payload = hex('0800 e5ca 1234 0001')
  const [source, destination] = [hex('0a4d 0002'), hex('0a4d 0001')]
  const packet = ipv4({ protocol: 1, payload, source, destination })
  return concat(mac(HOSTS.pod.mac), mac(HOSTS.client.mac), hex('0800'), packet)
}

function mac(address: string): Uint8Array {
  return hex(address.replaceAll(':', ''))
}

interface Mirror {
  readonly seen: WireCapture
  readonly reference: WireCapture
  /** Ends the captures when all has arrived, checks that the sensor has what the pod saw; resolves with it. */
  end(): Promise<Uint8Array[]>
}

async function startMirror(settings: WireEngineOptions = LIKE_EACH_OTHER.cap): Promise<Mirror> {
  const engine = await WireEngine.mirroring(wire, { ...settings, filter: WATCHED })
  const reference = await WireCapture.start(wire, 'pod', 'eth0', WATCHED)
  const seen = await WireCapture.start(wire, 'sensor', 'vx0', WATCHED)
  const end = async (): Promise<Uint8Array[]> => {
    await wire.sendFrames('client', [MARKER])
    const expected = await untilMarker(reference)
    const arrived = await untilMarker(seen)
    const counters = await engine.stop()
    await Promise.all([reference.stop(), seen.stop()])
    assert.deepEqual(asSet(arrived), asSet(expected))
    assert.equal(unaccounted(counters), 0)
    return arrived
  }
  return { seen, reference, end }
}

/** The frames that a capture has before MARKER, once that is there. */
function untilMarker(capture: WireCapture): Promise<Uint8Array[]> {
  return until(
    () => `the last frame is in ${capture.file}`,
    () => {
      const frames = capture.frames()
      const marker = frames.findIndex((frame) => withoutChecksum(frame) === withoutChecksum(MARKER))
      return marker !== -1 && frames.slice(0, marker)
    },
  )
}
