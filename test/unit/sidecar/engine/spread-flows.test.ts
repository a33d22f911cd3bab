import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { bucketOf, spreadFlows } from '../../../../sidecar/engine/spread-flows.ts'

const address = fc.ipV4()
const addresses = fc.uniqueArray(address, { minLength: 2, maxLength: 16 })

function addressOf(all: readonly string[], bucket: number): string | undefined {
  return all[spreadFlows(all)[bucket]!]
}

test('one destination, or none, takes every flow', () => {
  assert.deepEqual(new Set(spreadFlows(['10.0.0.1'])), new Set([0]))
  assert.deepEqual(new Set(spreadFlows([])), new Set([0]))
})

test('every hash has a bucket', () => {
  assert.equal(bucketOf(0), 0)
  assert.equal(bucketOf(0xffffffff), spreadFlows([]).length - 1)
})

test('the order in which destinations are known makes no difference', () => {
  fc.assert(
    fc.property(addresses, fc.nat(4095), (all, bucket) => {
      assert.equal(addressOf(all, bucket), addressOf(all.toReversed(), bucket))
    }),
  )
})

test('when a destination goes, its flows move and no other', () => {
  fc.assert(
    fc.property(addresses, fc.nat(15), (all, which) => {
      const gone = all[which % all.length]!
      const rest = all.filter((each) => each !== gone)
      const [before, after] = [spreadFlows(all), spreadFlows(rest)]

      const moved = before.filter((index, bucket) => {
        return all[index] !== gone && all[index] !== rest[after[bucket]!]
      })

      assert.equal(moved.length, 0)
    }),
    { numRuns: 50 },
  )
})

test('every destination gets its share of flows, as chance deals them', () => {
  fc.assert(
    fc.property(addresses, (all) => {
      const counts = all.map(() => 0)
      for (const index of spreadFlows(all)) counts[index]!++
      const fair = 4096 / all.length

      assert.ok(Math.max(...counts) < fair + 6 * Math.sqrt(fair), counts.join(' '))
      assert.ok(Math.min(...counts) > fair - 6 * Math.sqrt(fair), counts.join(' '))
    }),
    { numRuns: 50 },
  )
})
