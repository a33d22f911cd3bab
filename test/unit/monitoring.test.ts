/** Dashboard and alert rules ask for metrics that exist. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { DROP_REASONS } from '../../sidecar/contract.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = 'manifests/monitoring'

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly type: string
    readonly description?: string
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string
      readonly expr: string
      readonly labels: Readonly<Record<string, string>>
      readonly annotations: Readonly<Record<string, string>>
    }[]
  }[]
}

const { panels } = JSON.parse(read(`${FOLDER}/dashboard.json`)) as Dashboard
const alerts = (parse(read(`${FOLDER}/alerts.yaml`)) as Rules).groups.flatMap(({ rules }) => rules)
const QUERIES = [
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
  ...alerts.map(({ alert, expr }) => ({ title: alert, expr })),
]

/** Where dropped frames are asked for, and which. */
const dropped = QUERIES.flatMap(({ title, expr }) =>
  [...expr.matchAll(/podtap_frames_dropped_total(\{[^}]*\})?/g)].map(([, selector = '']) => ({
    title,
    selector,
  })),
)

test('every metric that is asked for is one that podtap exposes', () => {
  const unknown = QUERIES.flatMap(({ title, expr }) =>
    namesIn(expr)
      .filter((name) => !EXPOSED.has(name))
      .map((name) => `${title}: ${name}`),
  )

  assert.ok(QUERIES.length > 30)
  assert.deepEqual(unknown, [])
})

test('reasons that are asked for are reasons of the sidecar', () => {
  const reasons = dropped.flatMap(({ selector }) => reasonsIn(selector).names)

  assert.deepEqual(
    reasons.filter((reason) => !(DROP_REASONS as readonly string[]).includes(reason)),
    [],
  )
})

test('copies that another interface sent are never counted as lost', () => {
  const counting = dropped.filter(({ selector }) => {
    const { excluded, names } = reasonsIn(selector)
    return excluded !== names.includes('duplicate')
  })

  assert.ok(dropped.length >= 3)
  assert.deepEqual(counting, [])
})

test('every panel and every alert says what it means', () => {
  const silentPanels = panels.filter(({ type, description }) => type !== 'row' && !description)
  const silentAlerts = alerts.filter(
    ({ labels, annotations }) =>
      !labels['severity'] || !annotations['summary'] || !annotations['description'],
  )

  assert.deepEqual([silentPanels, silentAlerts], [[], []])
})

test('every section of the operations guide that an alert names is there', () => {
  const guide = read('docs/operations.md')
  const named = alerts.flatMap(({ annotations }) =>
    [...(annotations['description'] ?? '').matchAll(/docs\/operations\.md, "([^"]+)"/g)].map(
      ([, section]) => section ?? '',
    ),
  )

  assert.ok(named.length > 0)
  assert.deepEqual(
    named.filter((section) => !new RegExp(`^#+ ${section}$`, 'm').test(guide)),
    [],
  )
})

/** Which reasons a selector asks for, or leaves out; without any, none is left out. */
function reasonsIn(selector: string): { excluded: boolean; names: readonly string[] } {
  const [, operator = '!=', value = ''] = /reason(!?[=~]+)"([^"]*)"/.exec(selector) ?? []
  const names = value.split('|').filter((name) => name !== '')
  return { excluded: operator.startsWith('!'), names }
}

/** Names of metrics as the code spells them, which it does in one place each. */
const EXPOSED: ReadonlySet<string> = new Set(
  globSync('{webhook,sidecar}/**/*.ts', { cwd: ROOT }).flatMap((file) =>
    [...read(file).matchAll(/'(podtap_[a-z_]+)'/g)].map(([, name]) => name ?? ''),
  ),
)

/** The metrics in an expression, without the suffixes that histograms add. */
function namesIn(expression: string): string[] {
  const names = expression.match(/\bpodtap_[a-z_]+/g) ?? []
  return names.map((name) => name.replace(/_(bucket|sum|count)$/, ''))
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}
