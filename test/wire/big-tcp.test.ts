/** BIG TCP: super-frames over 64 KB, in which IPv4 says length 0 and IPv6 has a jumbo option, arrive as ordinary packets. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { BAD_CHECKSUM, converse, DISTURBED, FRAGMENT, payloadBytes } from '../helpers/tcp-stream.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { unaccounted, WireEngine } from '../helpers/wire-engine.ts'
import { openWire } from '../helpers/open-wire.ts'
import { CONVERSATION, HOSTS } from '../helpers/wire.ts'

const SET_GSO_SIZE = join(import.meta.dirname, '../helpers/set-gso-size.ts')
const MIRRORED = 'udp dst port 4789'

/** More than two packets of 64 KB, less than the 512 KB that a virtual cable takes. */
const SUPER_FRAME_BYTES = '150000'
const MEGABYTES = 4

/** Only who has much to say at once builds such frames. */
const BURSTS = ['-l', '1M', '-b', '80M', '-n', `${MEGABYTES}M`]

/** Besides what is wrong with any frame: those that do not fit, length 0 or a jumbo option. */
const WRONG = {
  checksum: BAD_CHECKSUM,
  fragment: FRAGMENT,
  length: 'frame.len > 1514 or ip.len == 0 or ipv6.plen == 0 or ipv6.hopopts',
}

const REPEATED = 'tcp.analysis.retransmission'

const wire = await openWire()
await wire.addVxlan(0xabcdef, HOSTS.sensor.ipv4)
// As a network card without USO would: what the sensor's interface sees are single datagrams.
await wire.runOnNode('ethtool', '-K', 'sensor', 'tx-udp-segmentation', 'off')
for (const host of ['pod', 'client'] as const) {
  for (const [place, device] of [
    [host, 'eth0'],
    ['node', host],
  ] as const) {
    await wire.run(place, process.execPath, SET_GSO_SIZE, device, SUPER_FRAME_BYTES)
  }
}

for (const [family, address] of [
  ['IPv4', HOSTS.pod.ipv4],
  ['IPv6', HOSTS.pod.ipv6],
] as const) {
  for (const [direction, receiver] of [
    ['to', 'sniffer'],
    ['from', 'socket'],
  ] as const) {
    test(`super-frames over 64 KB over ${family} ${direction} the pod reach a ${receiver} whole, as packets that fit`, async (t) => {
      const engine = await WireEngine.mirroring(wire, { engine: 'ring', filter: CONVERSATION })
      await engine.setDestination(HOSTS.sensor.ipv4, receiver)
      const onThePod = await WireCapture.start(wire, 'pod', 'eth0', {
        filter: CONVERSATION,
        snapBytes: 256,
      })
      const seen = await WireCapture.start(wire, 'sensor', 'eth0', {
        filter: MIRRORED,
        snapBytes: 2048,
      })

      const reverse = direction === 'from' ? ['-R'] : []
      await converse(wire, address, [...BURSTS, ...reverse])
      const counters = await engine.countersWhen(
        'the engine and tcpdump have seen the same',
        (now) => {
          return unaccounted(now) === 0 && now.capturedFrames === onThePod.frames().length
        },
      )
      await Promise.all([engine.stop(), onThePod.stop(), seen.stop()])

      const large = await onThePod.tshark('frame.len > 65600', 'frame.len')
      t.diagnostic(
        `${large.length} of ${counters.capturedFrames} frames, ${large.slice(0, 5).join()} …`,
      )
      assert.ok(large.length >= 8, 'expected super-frames over 64 KB: Linux 6.3 or later')
      assert.equal(counters.sentFrames, counters.capturedFrames)
      for (const [what, condition] of Object.entries(WRONG)) {
        assert.deepEqual(await seen.tshark(condition, 'frame.number'), [], what)
      }
      // What the pod itself got late or twice, the sensor gets so, too.
      const isCalm =
        (await onThePod.tshark(`${DISTURBED} or ${REPEATED}`, 'frame.number')).length === 0
      const disturbed = await seen.tshark(DISTURBED, 'frame.number', 'tcp.seq', 'tcp.len')
      if (isCalm) assert.deepEqual(disturbed, [], 'order')
      else t.diagnostic(`the stream itself was disturbed: ${disturbed.length} pieces`)
      const [arrived, real] = await Promise.all([seen, onThePod].map(payloadBytes))
      assert.equal(arrived, real)
      assert.ok(real! > MEGABYTES * 2 ** 20)
    })
  }
}
