/** docs/metrics.md says what webhook and sidecar expose, and both keep to Prometheus' conventions. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { RULES } from '../../webhook/admission/rules.ts'
import { COVERAGE_STATES } from '../../webhook/coverage/judge.ts'
import { sidecarScrape, webhookScrape } from '../helpers/scrapes.ts'

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8')
const [OF_SIDECAR = '', OF_WEBHOOK = ''] = GUIDE.split('\n## Webhook\n')

/** A metric as it is exposed, and as the guide has it. */
interface Metric {
  readonly name: string
  readonly type: string
  /** In alphabetical order, one space between two. */
  readonly labels: string
}

test('the guide has exactly the metrics of the sidecar, with their types and labels', async () => {
  assert.deepEqual(listedIn(OF_SIDECAR), exposedIn(await sidecarScrape()))
})

test('the guide has exactly the metrics of the webhook, with their types and labels', async () => {
  assert.deepEqual(listedIn(OF_WEBHOOK), exposedIn(await webhookScrape()))
})

test('names, types and helps are such that promtool check metrics has nothing to say', async () => {
  const text = `${await sidecarScrape()}\n${await webhookScrape()}`

  for (const { name, type } of exposedIn(text)) {
    assert.match(name, /^podtap_[a-z]+(_[a-z]+)*$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    // Base units, and no type in a name: prometheus/util/promlint in prometheus/client_golang.
    assert.doesNotMatch(
      name,
      /_(ms|milliseconds|minutes|kb|kilobytes|percent|count|sum|bucket)(_|$)/,
    )
    assert.doesNotMatch(name, /_(counter|gauge|histogram|summary)(_|$)/)
    assert.match(text, new RegExp(`^# HELP ${name} \\S.*\\.$`, 'm'))
  }
})

test('the guide has exactly the reasons of the webhook, and the states of coverage', () => {
  const [, reasons = ''] = /`reason` is\s+one of: ([^.]+)\./.exec(OF_WEBHOOK) ?? []
  const [, states = ''] = /`state` is one of ([^.]+)\./.exec(OF_WEBHOOK) ?? []

  assert.deepEqual(quoted(reasons), [
    'enabled',
    ...RULES.map(({ reason }) => reason),
    ...['not-a-template', 'internal-error', 'malformed-review'],
  ])
  assert.deepEqual(quoted(states), COVERAGE_STATES)
})

function exposedIn(text: string): readonly Metric[] {
  const types = [...text.matchAll(/^# TYPE (podtap_\w+) (\w+)$/gm)]
  return types
    .map(([, name = '', type = '']) => ({ name, type, labels: labelsIn(text, name) }))
    .sort(byName)
}

/** The labels of a metric's first sample; that of a bucket is the histogram's own. */
function labelsIn(text: string, name: string): string {
  const [, labels = ''] = new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\} `, 'm').exec(text) ?? []
  const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label)
  return names
    .filter((label) => label !== 'le')
    .sort()
    .join(' ')
}

function listedIn(page: string): readonly Metric[] {
  const rows = [...page.matchAll(/^\| `(podtap_\w+)` +\| (\w+) +\| ([^|]*)\|/gm)]
  return rows
    .map(([, name = '', type = '', labels = '']) => {
      return { name, type, labels: quoted(labels).sort().join(' ') }
    })
    .sort(byName)
}

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)
}

function byName(a: Metric, b: Metric): number {
  return a.name < b.name ? -1 : 1
}
