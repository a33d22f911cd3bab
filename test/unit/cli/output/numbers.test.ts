import assert from 'node:assert/strict'
import test from 'node:test'
import { bits, percent, rate } from '../../../../cli/output/numbers.ts'
import { wrap } from '../../../../cli/output/wrap.ts'

test('rates are whole from ten on', () => {
  assert.deepEqual([0, 0.01, 0.44, 9.96, 12_345.6].map(rate), [
    '0',
    '<0.1',
    '0.4',
    '10.0',
    '12,346',
  ])
})

test('only what is zero is shown as zero percent', () => {
  assert.deepEqual([0, 0.00001, 0.0125, 0.333, 1].map(percent), [
    '0%',
    '<0.01%',
    '1.25%',
    '33.3%',
    '100%',
  ])
})

test('bits have the prefix that leaves few digits', () => {
  assert.deepEqual([0, 812, 1200, 45_000, 2_400_000_000].map(bits), [
    '0 ',
    '812 ',
    '1.2 k',
    '45 k',
    '2.4 G',
  ])
})

test('text is broken at spaces, and not within words', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three'])
  assert.deepEqual(wrap('kubernetes is', 4), ['kubernetes', 'is'])
  assert.deepEqual(wrap('one two three', undefined), ['one two three'])
})
