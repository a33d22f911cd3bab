import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '../../../../../sidecar/engine/ring/crc32c.ts'

/** Each byte is its index. */
const COUNTING = Uint8Array.from({ length: 32 }, (_, index) => index)

// RFC 3720 (iSCSI) Appendix B.4, whose CRC is the same; there in the order of the wire, here as numbers.
for (const [name, bytes, expected] of [
  ['32 bytes of zeroes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes that count up', COUNTING, 0x46dd794e],
  ['32 bytes that count down', COUNTING.toReversed(), 0x113fdb5c],
  ['the check value "123456789"', new TextEncoder().encode('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
] as const) {
  test(`the CRC32c of ${name} is the published one`, () => {
    assert.equal(crc32c(bytes, 0, bytes.length), expected)
  })
}

test('only the bytes from start to end count', () => {
  const framed = Uint8Array.from([9, 9, ...COUNTING, 9])

  assert.equal(crc32c(framed, 2, 34), 0x46dd794e)
})
