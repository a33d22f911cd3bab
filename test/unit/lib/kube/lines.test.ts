import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createLineSplitter } from '../../../../lib/kube/lines.ts'

test('lines are the same however the text is cut into chunks', () => {
  const lines = fc.array(fc.string({ minLength: 1 }).map((text) => `x${text.replaceAll('\n', '')}`))
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 7 }), (expected, size) => {
      const text = expected.map((line) => `${line}\n`).join('')
      const splitter = createLineSplitter()
      const found: string[] = []
      for (let at = 0; at < text.length; at += size) {
        found.push(...splitter.push(text.slice(at, at + size)))
      }
      assert.deepEqual(found, expected)
    }),
  )
})

test('what has no end of line yet is kept back, and empty lines are left out', () => {
  const splitter = createLineSplitter()

  assert.deepEqual(splitter.push('a\n\nb'), ['a'])
  assert.deepEqual(splitter.push('c'), [])
  assert.deepEqual(splitter.push('d\n'), ['bcd'])
})
