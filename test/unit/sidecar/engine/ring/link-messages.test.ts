import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { linksRequest, readLinkMessages } from '../../../../../sidecar/engine/ring/link-messages.ts'
import { concat, hex } from '../../../../helpers/frames.ts'

/** RTM_NEWLINK with three attributes, as linux/rtnetlink.h and linux/if_link.h lay them out. */
const NEW_VETH = hex(`
  3c000000 1000 0000 00000000 00000000      # 60 bytes, RTM_NEWLINK
  00 00 0100 07000000 43100100 ffffffff     # AF_UNSPEC, Ethernet, index 7, up
  0a00 0300 7665746831 00 0000              # IFLA_IFNAME veth1
  0800 0d00 e8030000                        # IFLA_TXQLEN 1000
  0500 1000 06 000000                       # IFLA_OPERSTATE up
`)
const GONE = hex('20000000 1100 0000 00000000 00000000 00 00 0100 07000000 00000000 ffffffff')
const LEFT_BRIDGE = hex(
  '20000000 1100 0000 00000000 00000000 07 00 0100 07000000 00000000 ffffffff',
)
const DONE = hex('14000000 0300 0200 00000000 00000000 00000000')
const BUSY = hex(
  '24000000 0200 0000 00000000 00000000 f0ffffff 20000000 12000103 00000000 00000000',
)

test('a link is read with its name, kind and state', () => {
  assert.deepEqual(readLinkMessages(NEW_VETH), [
    {
      kind: 'link',
      link: { index: 7, name: 'veth1', hardwareType: 1, isUp: true, isLoopback: false },
    },
  ])
})

test('several messages come in one datagram', () => {
  const kinds = readLinkMessages(concat(NEW_VETH, GONE, DONE)).map(({ kind }) => kind)

  assert.deepEqual(kinds, ['link', 'gone', 'done'])
})

test('a port that leaves a bridge is not gone', () => {
  assert.deepEqual(readLinkMessages(LEFT_BRIDGE), [])
})

test('an error has its number', () => {
  assert.deepEqual(readLinkMessages(BUSY), [{ kind: 'error', errno: 16 }])
})

test('a message that is cut, or has no name, is an error', () => {
  const nameless = NEW_VETH.slice()
  nameless[34] = 4
  for (const broken of [NEW_VETH.subarray(0, 50), GONE.subarray(0, 20), nameless]) {
    assert.deepEqual(readLinkMessages(broken), [{ kind: 'error', errno: 71 }])
  }
})

test('the request asks for all links', () => {
  assert.deepEqual(
    linksRequest(),
    hex('20000000 1200 0103 00000000 00000000 00000000 00000000 00000000 00000000'),
  )
})

test('whatever bytes come, they are read without failing', () => {
  const change = fc.tuple(fc.nat({ max: NEW_VETH.length - 1 }), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 8 }),
      fc.uint8Array({ maxLength: 80 }),
      (changes, tail) => {
        const bytes = concat(NEW_VETH, tail)
        for (const [at, value] of changes) bytes[at] = value
        for (const message of readLinkMessages(bytes)) {
          if (message.kind === 'link') assert.notEqual(message.link.name, '')
        }
      },
    ),
    { numRuns: 2000 },
  )
})
