/** docs/security.md names every right that the manifests give. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { arrayAt, textAt, type JsonObject } from '../../webhook/admission/json.ts'

const ROOT = join(import.meta.dirname, '../..')
const rows = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| (?:Cluster)?Role `/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))

test('every rule of the manifests has a row with its resources, names, verbs and reason', () => {
  const missing = expectedRows().filter(
    ({ role, on, verbs }) =>
      !rows.some(
        ([, ofRow, resources, ofVerbs, why]) =>
          ofRow === role && resources === on && ofVerbs === verbs && why !== '',
      ),
  )

  assert.ok(expectedRows().length > 10)
  assert.deepEqual(missing, [])
})

test('no row claims a right that podtap does not have', () => {
  const expected = expectedRows().map(({ role, on, verbs }) => [role, on, verbs].join())

  assert.deepEqual(
    rows.filter((cells) => !expected.includes(cells.slice(1, 4).join())),
    [],
  )
})

interface Row {
  readonly role: string
  readonly on: string
  readonly verbs: string
}

function expectedRows(): readonly Row[] {
  const files = globSync('manifests/base/*.yaml', { cwd: ROOT })
  const objects = files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(ROOT, file), 'utf8')).map(
      (document) => document.toJS() as JsonObject,
    ),
  )
  return objects.flatMap((object) => arrayAt(object, 'rules').map((rule) => rowOf(object, rule)))
}

/** As the table spells a rule. */
function rowOf(object: JsonObject, rule: unknown): Row {
  const namespace = textAt(object, 'metadata', 'namespace')
  const name = textAt(object, 'metadata', 'name')
  const names = quoted(arrayAt(rule, 'resourceNames'), ', ')
  const resources = quoted(arrayAt(rule, 'resources'), ', ')
  return {
    role: `${textAt(object, 'kind')} \`${namespace === '' ? name : `${namespace}/${name}`}\``,
    on: names === '' ? resources : `${resources} named ${names}`,
    verbs: quoted(arrayAt(rule, 'verbs'), ' '),
  }
}

function quoted(texts: readonly unknown[], separator: string): string {
  return texts.map((text) => `\`${String(text)}\``).join(separator)
}
