/** What the Helm chart promises, as far as it shows without helm; test/manifests has the rest. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { LOG_LEVELS } from '../../lib/logger.ts'
import { madeFiles } from '../../scripts/chart.d/made-files.ts'
import {
  ENGINES,
  FITS,
  RECEIVER_SETTINGS,
  SIDECAR_ENVIRONMENT,
  SPREADS,
} from '../../sidecar/contract.ts'
import { MISSING_INTERFACE } from '../../sidecar/host-settings.ts'
import { NATIVE_SETTINGS } from '../../webhook/admission/installation.ts'
import {
  arrayAt,
  isObject,
  objectAt,
  valueAt,
  type JsonObject,
} from '../../webhook/admission/json.ts'
import { WEBHOOK_SCHEMA } from '../../webhook/config.ts'
import { SCOPES } from '../../webhook/scopes.ts'

const ROOT = join(import.meta.dirname, '../..')
const VALUES = read('manifests/chart/values.yaml')
const SCHEMA = JSON.parse(read('manifests/chart/values.schema.json')) as JsonObject

/** Variables that the chart does not offer: names of its own objects, and what is for development. */
const FIXED = [
  'KUBECONFIG',
  'LEASE',
  'LISTEN_PORT',
  'POD_NAME',
  'POD_NAMESPACE',
  'POD_UID',
  'SENSOR_ROLE_BINDING',
  'SERVICE_NAME',
  'TLS_SECRET',
  'WEBHOOK_CONFIGURATION',
]

/** Variables of whole nodes that the chart does not offer: given by the cluster, or fixed by the volume. */
const FIXED_OF_HOSTS = [
  'CONFIG_FILE',
  'CONFIG_PATH',
  'DURATION', // the kubelet would start it again
  'ENGINE', // several interfaces at once are for `ring` only
  'METRICS_ADDRESS', // the kubelet asks whether it is ready
  'NODE_NAME',
  'NODE_ZONE',
]

test('what is made from the base is up to date (else run scripts/chart)', () => {
  const stale = [...madeFiles(ROOT)].filter(([file, text]) => read(file) !== text)

  assert.deepEqual(
    stale.map(([file]) => file),
    [],
  )
})

test('every variable of the webhook is a setting', () => {
  const helpers = read('manifests/chart/templates/_helpers.tpl')
  const offered = [...helpers.matchAll(/\(list "([A-Z_]+)" /g)].map(([, name]) => name)

  assert.deepEqual(
    offered.sort(),
    Object.keys(WEBHOOK_SCHEMA)
      .filter((name) => !FIXED.includes(name))
      .sort(),
  )
})

test('every variable of whole nodes is a setting', () => {
  const helper = read('manifests/chart/templates/_host.tpl')
  const offered = [...helper.matchAll(/\(list "([A-Z_]+)" /g)].map(([, name]) => name)

  assert.deepEqual(
    offered.sort(),
    SIDECAR_ENVIRONMENT.filter((name) => !FIXED_OF_HOSTS.includes(name)).sort(),
  )
})

test('every setting has a type, and every type a setting', () => {
  const typed = leavesOfSchema(SCHEMA).filter((path) => path !== 'global')

  assert.deepEqual(leavesOf(parse(VALUES)).sort(), typed.sort())
})

test('choices are those of the webhook', () => {
  const choices = {
    'host.fit': FITS,
    'host.logLevel': LOG_LEVELS,
    'host.missingInterface': MISSING_INTERFACE,
    'sensor.receiver': RECEIVER_SETTINGS,
    'sensor.spread': SPREADS,
    'sidecar.engine': ENGINES,
    'sidecar.fit': FITS,
    'sidecar.logLevel': LOG_LEVELS,
    'sidecar.native': NATIVE_SETTINGS,
    'webhook.logLevel': LOG_LEVELS,
    'webhook.scope': SCOPES,
  }

  for (const [path, names] of Object.entries(choices)) {
    const offered = arrayAt(schemaAt(path.split('.')), 'enum')
    assert.deepEqual(
      offered.filter((value) => typeof value === 'string').sort(),
      [...names].sort(),
      path,
    )
  }
})

test('every setting has a comment of its own', () => {
  const documented = commentedPaths(VALUES.split('\n'))

  assert.deepEqual(
    leavesOf(parse(VALUES)).filter((path) => !documented.has(path)),
    [],
  )
})

test('chart and application have the version of package.json', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  const chart = parse(read('manifests/chart/Chart.yaml')) as JsonObject

  assert.deepEqual([chart['version'], chart['appVersion']], [version, version])
})

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** Paths of all values that are no map with keys of ours. */
function leavesOf(value: unknown, path: readonly string[] = []): string[] {
  const free = valueAt(schemaAt(path), 'properties') === undefined
  if (!isObject(value) || free) return [path.join('.')]
  return Object.entries(value).flatMap(([key, child]) => leavesOf(child, [...path, key]))
}

function leavesOfSchema(schema: unknown, path: readonly string[] = []): string[] {
  const properties = objectAt(schema, 'properties')
  if (Object.keys(properties).length === 0) return [path.join('.')]
  return Object.entries(properties).flatMap(([key, child]) => leavesOfSchema(child, [...path, key]))
}

function schemaAt(path: readonly string[]): unknown {
  return path.reduce<unknown>((schema, key) => valueAt(schema, 'properties', key), SCHEMA)
}

/** Paths of the keys that stand right below a comment. Every level is indented by two spaces. */
function commentedPaths(lines: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>()
  const path: string[] = []
  for (const [index, line] of lines.entries()) {
    const [, indent = '', key] = /^( *)([A-Za-z]+):/.exec(line) ?? []
    if (key === undefined) continue
    path.splice(indent.length / 2, path.length, key)
    if (lines[index - 1]?.trim().startsWith('#')) found.add(path.join('.'))
  }
  return found
}
