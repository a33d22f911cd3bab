import assert from 'node:assert/strict'
import test from 'node:test'
import { createPaint } from '../../../../cli/output/style.ts'
import { ratesBetween, type Look } from '../../../../cli/top/rates.ts'
import { topLines } from '../../../../cli/top/top-lines.ts'
import type { SidecarCounts } from '../../../../cli/sidecars/sidecar-counts.ts'
import { mirroredPod, sidecarCounts } from '../../../helpers/mirrored-pods.ts'

const STYLE = { columns: undefined, paint: createPaint(false) }

function look(at: number, counts: Readonly<Record<string, Partial<SidecarCounts> | string>>): Look {
  return new Map(
    Object.entries(counts).map(([name, each]) => {
      const read = typeof each === 'string' ? { problem: each } : { value: sidecarCounts(each) }
      return [`shop/${name}`, { pod: mirroredPod(name), read: { counts: read, at } }]
    }),
  )
}

const BEFORE = look(0, { 'web-1': {}, 'web-2': {}, 'web-3': {}, 'web-4': {} })
const NOW = look(2000, {
  'web-1': { capturedFrames: 1500, capturedBytes: 350_000 },
  'web-2': { capturedFrames: 3000, capturedBytes: 2_100_000, dropped: { kernel: 40 } },
  'web-3': 'no answer within 1.5 s',
  'web-4': { capturedFrames: 10, capturedBytes: 1000 },
  'web-5': {},
})

test('the busiest pod comes first, and each says what it loses or why nothing is known', () => {
  assert.deepEqual(topLines(ratesBetween(BEFORE, NOW), STYLE), [
    '5 pods, 1,255 frames/s, 9.0 Mbit/s, 1.59% lost',
    'NAMESPACE  POD    FRAMES/S  BIT/S  LOSS  SENSOR',
    'shop       web-2     1,000  8.0 M    2%  lost: kernel 20/s; sensor-1',
    'shop       web-1       250  1.0 M    0%  sensor-1',
    'shop       web-4       5.0  4.0 k    0%  sensor-1',
    'shop       web-3         -      -     -  no answer within 1.5 s',
    'shop       web-5         -      -     -  seen once only',
  ])
})

test('a screen shows as many as it has lines for, and says how many are left out', () => {
  const lines = topLines(ratesBetween(BEFORE, NOW), STYLE, 5)

  assert.equal(lines.length, 5)
  assert.equal(lines.at(-1), '… and 3 quieter ones')
})

test('no pods are said to be none', () => {
  assert.deepEqual(topLines([], STYLE), ['No pod with a running sidecar is here.'])
})
