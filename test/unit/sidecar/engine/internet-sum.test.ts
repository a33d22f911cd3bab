import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { foldSum, sumBytes } from '../../../../sidecar/engine/internet-sum.ts'
import { checksumOf, hex } from '../../../helpers/frames.ts'

test('the example of RFC 1071 §3 sums up to 0xddf2', () => {
  assert.equal(sumBytes(hex('0001 f203 f4f5 f6f7'), 0, 8), 0xddf2)
})

test('an odd last byte counts as if a zero followed', () => {
  assert.equal(sumBytes(hex('0102 03'), 0, 3), 0x0402)
})

test('nothing sums up to 0', () => {
  assert.equal(sumBytes(hex('ffff'), 1, 1), 0)
})

test('all ones sum up to 0xffff, however many there are', () => {
  assert.equal(sumBytes(new Uint8Array(262144).fill(0xff), 0, 262144), 0xffff)
})

test('any range at any alignment gives the same as adding word by word', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(9), fc.nat(9), (data, start, cut) => {
      const buffer = new Uint8Array(2100)
      buffer.set(data, start)
      const end = Math.max(start, start + data.length - cut)

      const sum = sumBytes(buffer, start, end)

      assert.equal(sum, 0xffff - checksumOf(buffer.subarray(start, end)))
    }),
    { numRuns: 2000 },
  )
})

test('bytes that begin inside their buffer give the same sum', () => {
  const buffer = new Uint8Array(64).map((_, at) => at * 7)
  const expected = sumBytes(buffer.slice(6, 50), 0, 44)

  assert.equal(sumBytes(new Uint8Array(buffer.buffer, 6, 44), 0, 44), expected)
})

test('folding adds carries until none is left', () => {
  assert.deepEqual(
    [0, 0xffff, 0x10000, 0x1fffe, 0x1ffff, 2 ** 32 - 1].map(foldSum),
    [0, 0xffff, 1, 0xffff, 1, 0xffff],
  )
})
