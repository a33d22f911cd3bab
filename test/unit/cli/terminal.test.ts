import assert from 'node:assert/strict'
import test from 'node:test'
import { terminalOf } from '../../../cli/terminal.ts'

const TTY = { isTTY: true, columns: 120, rows: 40 }

test('a terminal has its own width, and colour', () => {
  assert.deepEqual(terminalOf(TTY, { TERM: 'xterm' }), {
    isTerminal: true,
    columns: 120,
    rows: 40,
    colour: true,
  })
})

test('a pipe has neither width nor colour', () => {
  assert.deepEqual(terminalOf({}, {}), {
    isTerminal: false,
    columns: undefined,
    rows: undefined,
    colour: false,
  })
})

test('NO_COLOR takes colour away, empty it does not', () => {
  assert.equal(terminalOf(TTY, { NO_COLOR: '1' }).colour, false)
  assert.equal(terminalOf(TTY, { NO_COLOR: '' }).colour, true)
  assert.equal(terminalOf(TTY, { TERM: 'dumb' }).colour, false)
})

test('COLUMNS sets the width, also of a pipe; what is no number does not', () => {
  assert.equal(terminalOf(TTY, { COLUMNS: '80' }).columns, 80)
  assert.equal(terminalOf({}, { COLUMNS: '80' }).columns, 80)
  assert.equal(terminalOf(TTY, { COLUMNS: 'wide' }).columns, 120)
})
