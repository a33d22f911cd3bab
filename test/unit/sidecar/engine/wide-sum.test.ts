import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { sumBytes, sumWidely } from '../../../../sidecar/engine/internet-sum.ts'
import { createWideSum, MAX_WIDE_SUM_BYTES } from '../../../../sidecar/engine/wide-sum.ts'
import { checksumOf } from '../../../helpers/frames.ts'

const PAGES = 5

function wideMemory(): { bytes: Uint8Array<ArrayBuffer>; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
  return { memory, bytes: new Uint8Array(memory.buffer) }
}

test('64 bytes are added up as 16-bit numbers in host byte order, without a sign', () => {
  const { bytes, memory } = wideMemory()
  bytes.fill(0xff, 64, 128)
  bytes.set([0x01, 0x02], 64)
  const sum = createWideSum(memory)

  assert.equal(sum?.(64, 128), 31 * 0xffff + 0x0201)
})

test('the longest range does not overflow: 32,768 times 0xffff', () => {
  const { bytes, memory } = wideMemory()
  bytes.fill(0xff, 0, MAX_WIDE_SUM_BYTES)

  assert.equal((createWideSum(memory)?.(0, MAX_WIDE_SUM_BYTES) ?? 0) >>> 0, 32_768 * 0xffff)
})

test('sums of memory that has a wide sum are those of any other memory', () => {
  const { bytes, memory } = wideMemory()
  const sum = createWideSum(memory)
  assert.ok(sum !== undefined)
  sumWidely(memory.buffer, sum)
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 3000 }),
      fc.nat(9),
      fc.nat(MAX_WIDE_SUM_BYTES),
      (data, start, ones) => {
        bytes.fill(0xff, 0, start + data.length + ones)
        bytes.set(data, start)
        const end = start + data.length + ones

        const result = sumBytes(bytes, start, end)

        assert.equal(result, 0xffff - checksumOf(bytes.subarray(start, end)))
      },
    ),
    { numRuns: 500 },
  )
})

test('a range behind the memory is refused, not read', () => {
  const { bytes, memory } = wideMemory()

  assert.throws(() => createWideSum(memory)?.(bytes.length, bytes.length + 64), /out of bounds/)
})
