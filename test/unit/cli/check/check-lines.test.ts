import assert from 'node:assert/strict'
import test from 'node:test'
import { checkLines } from '../../../../cli/check/check-lines.ts'
import { failure, hint, ok, warning } from '../../../../cli/check/finding.ts'
import { createPaint } from '../../../../cli/output/style.ts'

const PLAIN = createPaint(false)

test('findings stand below their sections, each with its fix, and are summed up', () => {
  const sections = [
    { title: 'Webhook', findings: [ok('it is ready'), failure('it is not trusted', 'restart it')] },
    { title: 'Nodes', findings: [] },
    { title: 'Mirroring', findings: [warning('frames are lost'), hint('frames are split')] },
  ]

  assert.deepEqual(checkLines(sections, { columns: undefined, paint: PLAIN }), [
    'Webhook',
    '✓ it is ready',
    '✗ it is not trusted',
    '  → restart it',
    '',
    'Mirroring',
    '! frames are lost',
    '· frames are split',
    '',
    '✗ 1 failure, 1 warning',
  ])
})

test('long findings are broken and stay indented', () => {
  const sections = [{ title: 'Webhook', findings: [failure('it does not run', 'look at its log')] }]

  assert.deepEqual(checkLines(sections, { columns: 14, paint: PLAIN }).slice(0, -2), [
    'Webhook',
    '✗ it does not',
    '  run',
    '  → look at',
    '    its log',
  ])
})

test('where nothing is wrong it says so', () => {
  const sections = [{ title: 'Webhook', findings: [ok('it is ready')] }]

  assert.equal(checkLines(sections, { columns: 80, paint: PLAIN }).at(-1), '✓ all is well')
})
