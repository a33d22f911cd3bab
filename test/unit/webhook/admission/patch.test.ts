import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import jsonPatch from 'fast-json-patch'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { diffTemplate } from '../../../../webhook/admission/patch.ts'

const spec = (fields: JsonObject): JsonObject => ({ spec: fields })
const element = fc.constantFrom({ name: 'a' }, { name: 'b', env: [1, 2] }, { name: 'c' }, null)
const list = fc.option(fc.array(element, { maxLength: 5 }), { nil: undefined })
const template = fc
  .record({ initContainers: list, containers: list, volumes: list, hostname: fc.string() })
  .map((fields) => spec(JSON.parse(JSON.stringify(fields)) as JsonObject))

test('a patch turns any template into any other', () => {
  fc.assert(
    fc.property(template, template, (before, after) => {
      const copy = structuredClone(before)
      const patch = diffTemplate([], before, after).map((operation) => ({ ...operation }))

      const patched = jsonPatch.applyPatch(copy, structuredClone(patch), true).newDocument

      assert.deepEqual(patched, after)
    }),
    { numRuns: 1000 },
  )
})

test('an element that is put in before others is one operation', () => {
  const before = spec({ initContainers: [{ name: 'a' }, { name: 'b' }] })
  const after = spec({ initContainers: [{ name: 'podtap' }, { name: 'a' }, { name: 'b' }] })

  assert.deepEqual(diffTemplate(['spec', 'template'], before, after), [
    { op: 'add', path: '/spec/template/spec/initContainers/0', value: { name: 'podtap' } },
  ])
  assert.deepEqual(diffTemplate(['spec', 'template'], after, before), [
    { op: 'remove', path: '/spec/template/spec/initContainers/0' },
  ])
})

test('equal templates need no operation', () => {
  const before = spec({ containers: [{ name: 'a' }], volumes: [] })

  assert.deepEqual(diffTemplate([], before, structuredClone(before)), [])
})
