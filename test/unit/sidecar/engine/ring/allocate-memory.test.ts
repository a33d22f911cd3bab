import assert from 'node:assert/strict'
import test from 'node:test'
import { sumBytes } from '../../../../../sidecar/engine/internet-sum.ts'
import { allocateMemory } from '../../../../../sidecar/engine/ring/allocate-memory.ts'
import { isAddressable } from '../../../../../sidecar/engine/ring/memory.ts'
import * as native from '../../../../../sidecar/engine/ring/native.ts'

const LENGTH = 20_000_000

test('memory is zeroed, long enough, and lies where pointers to it can be written', () => {
  const { memory } = allocateMemory(LENGTH)

  assert.ok(memory.bytes.length >= LENGTH)
  assert.ok(isAddressable(memory.address, LENGTH))
  assert.equal(sumBytes(memory.bytes, 0, LENGTH), 0)
})

test('its address is where the kernel finds it', () => {
  const { memory } = allocateMemory(LENGTH)
  const event = native.eventfd(7, 0)

  native.read(event, memory.address + 4096, 8)
  native.close(event)

  assert.deepEqual([...memory.bytes.subarray(4096, 4104)], [7, 0, 0, 0, 0, 0, 0, 0])
})

test('on a processor with SIMD it is given back by V8', () => {
  assert.equal(allocateMemory(LENGTH).isMapped, false)
})
