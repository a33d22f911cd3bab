import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePrometheusText, sumOf } from '../../../../cli/sidecars/prometheus-text.ts'
import { sidecarScrape } from '../../../helpers/scrapes.ts'

test('samples have a name, labels and a value; comments and other lines are left out', () => {
  const text = [
    '# HELP podtap_sensors Sensors.',
    '# TYPE podtap_sensors gauge',
    'podtap_sensors 3',
    'podtap_frames_dropped_total{reason="no-sensor"} 12 1795000000000',
    'podtap_destination_info{sensor="a/b",address="fd00::7",port="4789"} 1',
    '',
    'not a sample',
    '<html>',
  ].join('\n')

  assert.deepEqual(parsePrometheusText(text), [
    { name: 'podtap_sensors', labels: {}, value: 3 },
    { name: 'podtap_frames_dropped_total', labels: { reason: 'no-sensor' }, value: 12 },
    {
      name: 'podtap_destination_info',
      labels: { sensor: 'a/b', address: 'fd00::7', port: '4789' },
      value: 1,
    },
  ])
})

test('values of labels are what was written before they were escaped', () => {
  const text = String.raw`x{path="C:\\a",quote="say \"so\", {now}",lines="one\ntwo"} 1`

  assert.deepEqual(parsePrometheusText(text)[0]?.labels, {
    path: 'C:\\a',
    quote: 'say "so", {now}',
    lines: 'one\ntwo',
  })
})

test('numbers beyond all counts are numbers too', () => {
  const values = parsePrometheusText('a 1e3\nb 0.5\nc NaN\nd -1\ne +Inf').map(({ value }) => value)

  assert.deepEqual(values, [1000, 0.5, NaN, -1, Infinity])
})

test('a sum is over all labels of a name, and 0 without a sample', () => {
  const samples = parsePrometheusText('x{a="1"} 2\nx{a="2"} 3\nxy 100')

  assert.deepEqual([sumOf(samples, 'x'), sumOf(samples, 'z')], [5, 0])
})

test('every sample that a sidecar exposes is read', async () => {
  const text = await sidecarScrape()
  const written = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

  assert.equal(parsePrometheusText(text).length, written.length)
})
