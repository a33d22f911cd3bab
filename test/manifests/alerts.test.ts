/** The alert rules as Prometheus reads them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runTool } from '../helpers/run-tool.ts'

const FOLDER = join(import.meta.dirname, '../../manifests/monitoring')
const RULES = join(FOLDER, 'alerts.yaml')
const TESTS = join(FOLDER, 'alerts.test.yaml')

test('promtool accepts the rules', () => {
  const { status, stdout, stderr } = runTool('promtool', ['check', 'rules', '--lint=all', RULES])

  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /SUCCESS: \d+ rules found/)
})

test('alerts fire when they should, and only then', () => {
  const { status, stdout, stderr } = runTool('promtool', ['test', 'rules', TESTS])

  assert.equal(status, 0, stdout + stderr)
})

test('every alert is seen firing in a test', () => {
  const names = (text: string, key: string): string[] =>
    [...text.matchAll(new RegExp(`${key}: (\\w+)`, 'g'))].map(([, name]) => name ?? '')
  const alerts = names(readFileSync(RULES, 'utf8'), '- alert')
  const tested = names(
    readFileSync(TESTS, 'utf8').replaceAll(/.*alertname: \w+\n.*exp_alerts: \[\]\n/g, ''),
    'alertname',
  )

  assert.deepEqual(
    alerts.filter((name) => !tested.includes(name)),
    [],
  )
})
