import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { CODE, type Instruction } from '../../../../../sidecar/engine/ring/instructions.ts'
import { numberSet } from '../../../../../sidecar/engine/ring/number-set.ts'

/** What the kernel does with `instructions` when `loaded` was loaded; true when they are left at their end. */
function passes(instructions: readonly Instruction[], loaded: number): boolean {
  for (let at = 0; ;) {
    if (at === instructions.length) return true
    const [code, yes, no, k] = instructions[at]!
    assert.ok(yes <= 255 && no <= 255, 'a jump is one byte')
    at += 1
    if (code === CODE.give) return false
    if (code === CODE.jump) at += k
    else if (code === CODE.jumpIfAtLeast) at += loaded >= k ? yes : no
    else if (code === CODE.jumpIfGreater) at += loaded > k ? yes : no
    else assert.fail(`unexpected code ${code}`)
  }
}

test('members of a set pass and no other number does, or the other way round', () => {
  const numbers = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 0xffffffff }),
  )
  fc.assert(
    fc.property(fc.uniqueArray(numbers, { maxLength: 250 }), (members) => {
      const only = numberSet(members, 'pass')
      const others = numberSet(members, 'refuse')
      const known = new Set(members)
      for (const each of members.flatMap((member) => [member - 1, member, member + 1])) {
        if (each < 0 || each > 0xffffffff) continue
        assert.equal(passes(only, each), known.has(each))
        assert.equal(passes(others, each), !known.has(each))
      }
    }),
  )
})

test('neighbours are one question, and 250 strangers still fit a filter', () => {
  const neighbours = Array.from({ length: 250 }, (_, index) => 10 + index)
  const strangers = neighbours.map((each) => each * 2)

  assert.equal(numberSet(neighbours, 'pass').length, 4)
  assert.ok(numberSet(strangers, 'pass').length < 600)
})

test('an empty set lets nothing or everything pass', () => {
  assert.equal(passes(numberSet([], 'pass'), 1), false)
  assert.equal(passes(numberSet([], 'refuse'), 1), true)
})
