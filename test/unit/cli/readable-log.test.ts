import assert from 'node:assert/strict'
import test from 'node:test'
import { createReadableLog, readableLine } from '../../../cli/readable-log.ts'

const TIME = Date.UTC(2026, 10, 22, 6, 19, 19)

test('a line has the time of day, what happened and the details', () => {
  const entry = {
    level: 'info',
    time: TIME,
    msg: 'sensor found',
    address: '192.0.2.30',
    port: 4789,
  }

  assert.equal(readableLine(entry), '06:19:19 sensor found: address=192.0.2.30 port=4789')
})

test('a warning says that it is one, and nothing follows where there are no details', () => {
  assert.equal(
    readableLine({ level: 'warn', time: TIME, msg: 'no sensor' }),
    '06:19:19 warn: no sensor',
  )
})

test('empty and nested values are shown as JSON', () => {
  const entry = { level: 'info', time: TIME, msg: 'begin', filter: '', sensor: { kind: 'host' } }

  assert.equal(readableLine(entry), '06:19:19 begin: filter="" sensor={"kind":"host"}')
})

test('a readable log prints what is logged', () => {
  const lines: string[] = []

  createReadableLog((line) => lines.push(line)).info({ port: 1 }, 'begin')

  assert.match(lines[0]!, /^\d\d:\d\d:\d\d begin: port=1$/)
})
