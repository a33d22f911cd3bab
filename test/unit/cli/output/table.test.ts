import assert from 'node:assert/strict'
import test from 'node:test'
import { createPaint } from '../../../../cli/output/style.ts'
import { cut, renderTable, type Column } from '../../../../cli/output/table.ts'

interface Row {
  readonly name: string
  readonly frames: number
  readonly why: string
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name, shrinksTo: 8 },
  { title: 'FRAMES', cell: ({ frames }) => String(frames), align: 'right' },
  { title: 'NODE', cell: () => 'node-a', wide: true },
  { title: 'WHY', cell: ({ why }) => ({ text: why, tone: 'bad' }), shrinksTo: 6 },
]

const ROWS: readonly Row[] = [
  { name: 'web-6d4cf56db6-x7f2p', frames: 12345, why: 'opted-out' },
  { name: 'db-0', frames: 7, why: '' },
]

const PLAIN = createPaint(false)

test('columns are as wide as what is in them, numbers stand at the right', () => {
  assert.deepEqual(renderTable(COLUMNS, ROWS, { columns: undefined, paint: PLAIN }), [
    'NAME                  FRAMES  WHY',
    'web-6d4cf56db6-x7f2p   12345  opted-out',
    'db-0                       7',
  ])
})

test('a narrow terminal takes from the widest column that may shrink', () => {
  assert.deepEqual(renderTable(COLUMNS, ROWS, { columns: 30, paint: PLAIN }), [
    'NAME         FRAMES  WHY',
    'web-6d4cf5…   12345  opted-out',
    'db-0              7',
  ])
})

test('what may not shrink is shown whole in the narrowest terminal', () => {
  assert.deepEqual(renderTable(COLUMNS, ROWS, { columns: 5, paint: PLAIN }), [
    'NAME      FRAMES  WHY',
    'web-6d4…   12345  opted…',
    'db-0           7',
  ])
})

test('wide columns are shown where they are asked for', () => {
  assert.deepEqual(renderTable(COLUMNS, ROWS, { columns: undefined, paint: PLAIN, wide: true }), [
    'NAME                  FRAMES  NODE    WHY',
    'web-6d4cf56db6-x7f2p   12345  node-a  opted-out',
    'db-0                       7  node-a',
  ])
})

test('colour changes no width', () => {
  const painted = renderTable(COLUMNS, ROWS, { columns: 30, paint: createPaint(true) })

  assert.deepEqual(painted, [
    '\u001b[1mNAME\u001b[0m         \u001b[1mFRAMES\u001b[0m  \u001b[1mWHY\u001b[0m',
    'web-6d4cf5…   12345  \u001b[31mopted-out\u001b[0m',
    'db-0              7',
  ])
})

test('what is cut off leaves an ellipsis', () => {
  assert.equal(cut('namespace', 9), 'namespace')
  assert.equal(cut('namespace', 5), 'name…')
  assert.equal(cut('namespace', 1), '…')
  assert.equal(cut('namespace', 0), '')
})
