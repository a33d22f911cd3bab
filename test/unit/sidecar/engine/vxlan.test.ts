import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  MAX_FRAME_BYTES,
  readVxlanHeader,
  writeVxlanHeader,
} from '../../../../sidecar/engine/vxlan.ts'
import { hex } from '../../../helpers/frames.ts'

test('a header is the I flag, the VNI and nothing else', () => {
  const bytes = new Uint8Array(8).fill(0xff)

  writeVxlanHeader(bytes, 0, 0xabcdef)

  assert.deepEqual(
    bytes,
    hex(`
      08 000000   # flags: VNI valid; reserved
      abcdef 00   # VNI 11259375; reserved
    `),
  )
})

test('a header is written at its offset and touches nothing around it', () => {
  const bytes = new Uint8Array(12).fill(0xee)

  writeVxlanHeader(bytes, 2, 1)

  assert.deepEqual(bytes, hex('eeee 08000000 00000100 eeee'))
})

test('every VNI that is written is read again', () => {
  fc.assert(
    fc.property(fc.nat(0xffffff), (vni) => {
      const bytes = new Uint8Array(8)

      writeVxlanHeader(bytes, 0, vni)

      assert.deepEqual(readVxlanHeader(bytes), { flags: 0x08, vni, reservedIsZero: true })
    }),
  )
})

for (const [what, header] of [
  ['a reserved flag', '0a000000 00000100'],
  ['the first reserved field', '08000001 00000100'],
  ['the last reserved byte', '08000000 0000016c'],
] as const) {
  test(`a reader sees that ${what} is set`, () => {
    assert.equal(readVxlanHeader(hex(header))?.reservedIsZero, false)
  })
}

test('less than eight bytes are no header', () => {
  assert.equal(readVxlanHeader(hex('08000000 000001')), undefined)
})

test('the largest frame fills the largest IPv4 packet', () => {
  assert.equal(MAX_FRAME_BYTES, 65499)
})
