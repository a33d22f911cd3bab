import assert from 'node:assert/strict'
import test from 'node:test'
import { DebugReports, type DebugReport } from '../../../../../sidecar/engine/ring/debug-reports.ts'

const FRAME = { level: 5, message: 'frame', fields: {} }
const BLOCK = { level: 4, message: 'block read', fields: { frames: 1 } }

test('what is wanted follows a level that another thread changes', () => {
  const level = new Int32Array(new SharedArrayBuffer(4))
  const reports = new DebugReports(level, () => undefined)
  assert.deepEqual([reports.wants(2), reports.wants(5)], [false, false])

  level[0] = 4
  assert.deepEqual([reports.wants(2), reports.wants(5)], [true, false])
})

test('each level has 20 lines a second, and says what it left out', () => {
  const told: DebugReport[] = []
  const reports = new DebugReports(Int32Array.of(5), (report) => told.push(report))

  for (let time = 1000; time < 1100; time++) reports.tell(FRAME, time)
  reports.tell(BLOCK, 1100)
  reports.tell(FRAME, 1999)
  reports.tell(FRAME, 2000)
  reports.tell(FRAME, 2001)

  const frames = told.filter(({ level }) => level === 5)
  assert.deepEqual(told[20], BLOCK)
  assert.equal(frames.length, 22)
  assert.deepEqual(
    frames.slice(19).map(({ fields }) => fields),
    [{}, { omittedLines: 81 }, {}],
  )
})
