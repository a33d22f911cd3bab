import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  clientFrame,
  OPCODE,
  WebSocketReader,
  type WebSocketMessage,
} from '../../../../lib/kube/web-socket-frames.ts'

/** A frame as a server sends it: a client's with the key 0, without key and mask bit. */
function serverFrame(opcode: number, payload: Uint8Array, isLast = true): Buffer {
  const frame = clientFrame(opcode, payload, Buffer.alloc(4))
  frame[0] = opcode | (isLast ? 0x80 : 0)
  frame[1] = (frame[1] ?? 0) & 0x7f
  const key = frame.length - payload.length - 4
  return Buffer.concat([frame.subarray(0, key), frame.subarray(key + 4)])
}

function texts(messages: readonly WebSocketMessage[]): readonly string[] {
  return messages.map(({ opcode, payload }) => `${opcode} ${payload.toString()}`)
}

test('a client masks what it sends', () => {
  // The example of RFC 6455 §5.7.
  assert.equal(
    clientFrame(OPCODE.text, Buffer.from('Hello'), Buffer.from('37fa213d', 'hex')).toString('hex'),
    '818537fa213d7f9f4d5158',
  )
})

test('longer payloads have longer lengths', () => {
  const heads = [125, 126, 65535, 65536].map((length) => {
    return clientFrame(OPCODE.binary, Buffer.alloc(length), Buffer.alloc(4)).subarray(0, 10)
  })

  assert.deepEqual(
    heads.map((head) => head.toString('hex')),
    [
      '82fd0000000000000000',
      '82fe007e000000000000',
      '82feffff000000000000',
      '82ff0000000000010000',
    ],
  )
})

test('messages are read whatever pieces they arrive in', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 70_000 }), { maxLength: 4 })
  fc.assert(
    fc.property(payloads, fc.integer({ min: 1, max: 40_000 }), (sent, size) => {
      const stream = Buffer.concat(sent.map((payload) => serverFrame(OPCODE.binary, payload)))
      const reader = new WebSocketReader()
      const read: Buffer[] = []
      for (let at = 0; at < stream.length; at += size) {
        read.push(...reader.push(stream.subarray(at, at + size)).map(({ payload }) => payload))
      }

      assert.deepEqual(
        read.map((payload) => payload.toString('hex')),
        sent.map((payload) => Buffer.from(payload).toString('hex')),
      )
    }),
    { numRuns: 30 },
  )
})

test('fragments become one message, with a ping between them', () => {
  const stream = Buffer.concat([
    serverFrame(OPCODE.binary, Buffer.from('ab'), false),
    serverFrame(OPCODE.ping, Buffer.from('?')),
    serverFrame(OPCODE.continuation, Buffer.from('c')),
  ])

  assert.deepEqual(texts(new WebSocketReader().push(stream)), ['9 ?', '2 abc'])
})

test('what no server may send is refused', () => {
  const masked = clientFrame(OPCODE.binary, Buffer.from('x'), Buffer.alloc(4))
  const huge = Buffer.from('827f0000010000000000', 'hex')

  assert.throws(() => new WebSocketReader().push(masked), /expected an unmasked WebSocket frame/)
  assert.throws(() => new WebSocketReader().push(huge), /of at most 1048576 bytes, received/)
})
