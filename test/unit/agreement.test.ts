/** Holds together what is said in more than one place: code, manifests and README. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { parseAllDocuments } from 'yaml'
import { ERROR_CODES } from '../../lib/errors.ts'
import {
  DROP_REASONS,
  ENGINES,
  FITS,
  HOST_ENVIRONMENT,
  RECEIVER_ANNOTATION,
  RECEIVER_SETTINGS,
  SIDECAR_ENVIRONMENT,
  SPREADS,
} from '../../sidecar/contract.ts'
import { VENDOR_NAMES, VENDOR_UNUSED } from '../../sidecar/vendor-names.ts'
import { DEFAULT_IMAGE, SIDECAR_SCHEMA } from '../../webhook/admission/installation.ts'
import { KNOWN_KEYS, STATUS } from '../../webhook/admission/annotations.ts'
import { WEBHOOK_SCHEMA } from '../../webhook/config.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const VERSION = (
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
).version

test('the README lists exactly the variables that the sidecar reads, less those for whole nodes', () => {
  const forNodes: readonly string[] = HOST_ENVIRONMENT
  const expected = SIDECAR_ENVIRONMENT.filter((name) => !forNodes.includes(name))

  assert.deepEqual(variablesIn(README).sort(), expected.sort())
})

test('the guide to the configuration lists exactly what only the webhook reads', () => {
  const guide = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')
  const passedOn: readonly string[] = SIDECAR_ENVIRONMENT.filter((name) => name in SIDECAR_SCHEMA)
  const expected = Object.keys(WEBHOOK_SCHEMA).filter((name) => !passedOn.includes(name))

  assert.deepEqual(variablesIn(guide).sort(), expected.sort())
})

test('the guide to whole nodes lists exactly the vendor’s names, and what they stand for', () => {
  const guide = readFileSync(join(ROOT, 'docs/host.md'), 'utf8')
  const rows = [...guide.matchAll(/^\| `([A-Z_]+)` +\| `([A-Z_]+)`/gm)]
  const listed = rows.map(([, vendor, variable]) => ({ vendor, variable }))

  assert.deepEqual(listed, [...VENDOR_NAMES])
  for (const name of [...VENDOR_UNUSED, ...HOST_ENVIRONMENT])
    assert.ok(guide.includes(`\`${name}\``), name)
})

test('the README marks exactly the variables that the webhook passes on', () => {
  const marked = [...README.matchAll(/^\| `([A-Z_]+)` ◆/gm)].map(([, name]) => name!)
  const passedOn = SIDECAR_ENVIRONMENT.filter((name) => name in SIDECAR_SCHEMA)

  assert.deepEqual(marked.sort(), [...passedOn].sort())
})

test('the README names every value that the sidecar accepts by name', () => {
  for (const value of [...ENGINES, ...RECEIVER_SETTINGS, ...FITS, ...SPREADS])
    assert.ok(README.includes(`\`${value}\``), value)
})

test('the README lists exactly the annotations that podtap knows', () => {
  const listed = new Set(README.match(/podtap\.dev\/[a-z]+/g))

  assert.deepEqual([...listed].sort(), [...KNOWN_KEYS, STATUS, RECEIVER_ANNOTATION].sort())
})

test('the manifests set only variables that the webhook reads', () => {
  const names = manifestText('base').matchAll(/^\s+- name: ([A-Z][A-Z_]+)$/gm)
  const unknown = [...names].map(([, name]) => name!).filter((name) => !(name in WEBHOOK_SCHEMA))

  assert.deepEqual(unknown, [])
})

test('every image has the version of the package', () => {
  const images = manifestText().match(/podtap\/[a-z]+:[\w.]+/g) ?? []

  assert.ok(images.length >= 4)
  assert.deepEqual(
    [...images, DEFAULT_IMAGE].filter((image) => !image.endsWith(`:${VERSION}`)),
    [],
  )
})

test('the manifests are valid YAML', () => {
  const errors = parseAllDocuments(manifestText()).flatMap((document) => document.errors)

  // The messages alone: an error holds its whole document, and to compare those takes gigabytes.
  assert.deepEqual(
    errors.map(({ message }) => message),
    [],
  )
})

test('every code of the error catalogue is used, and no other', () => {
  const sources = globSync('{lib,webhook,sidecar,cli}/**/*.ts', { cwd: ROOT })
    .filter((file) => file !== 'lib/errors.ts')
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n')
  const used = new Set(sources.match(/\bERR_[A-Z_]+/g)?.filter((code) => code in ERROR_CODES))

  assert.deepEqual([...used].sort(), Object.keys(ERROR_CODES).sort())
})

test('every drop reason is explained where it is declared', () => {
  const contract = readFileSync(join(ROOT, 'sidecar/contract.ts'), 'utf8')

  for (const reason of DROP_REASONS) assert.ok(contract.includes(`- \`${reason}\`:`), reason)
})

/** The variables that a table of `text` lists, in its order. */
function variablesIn(text: string): string[] {
  return [...text.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name!)
}

/** The manifests in YAML; the templates of the chart are YAML only once Helm has rendered them. */
function manifestText(part = '**'): string {
  const files = globSync(`manifests/${part}/*.yaml`, {
    cwd: ROOT,
    exclude: ['manifests/chart/templates/**'],
  }).sort()
  return files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n---\n')
}
