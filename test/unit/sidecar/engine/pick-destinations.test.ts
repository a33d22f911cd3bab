import assert from 'node:assert/strict'
import test from 'node:test'
import { pickDestinations } from '../../../../sidecar/engine/pick-destinations.ts'

const to = (address: string, port = 4789) => ({ address, family: 4, port }) as const

test('each address counts once, in the order of its first mention', () => {
  const picked = pickDestinations([to('10.0.0.2'), to('10.0.0.1'), to('10.0.0.2')], 4789)

  assert.deepEqual(picked, [to('10.0.0.2'), to('10.0.0.1')])
})

test('of too many the first 16 count', () => {
  const many = Array.from({ length: 20 }, (_, index) => to(`10.0.0.${index}`))

  assert.deepEqual(pickDestinations(many, 4789), many.slice(0, 16))
})

test('another port than the one that podtap knows its own packets by is refused', () => {
  assert.throws(() => pickDestinations([to('10.0.0.1'), to('10.0.0.2', 4790)], 4789), {
    code: 'ERR_CONFIG',
    message:
      'destination port: expected 4789, by which podtap knows its own packets, received 4790',
  })
})
