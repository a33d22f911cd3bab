import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { readManifests } from '../../../../cli/manifests/read-manifests.ts'

test('documents keep their texts, which joined are the file again', () => {
  const text = '# only a comment\n---\na: 1\n--- # b\nb: |\n  x\n---\n'

  const documents = readManifests('f.yaml', text)

  assert.deepEqual(
    documents.map(({ place, value }) => [place, value]),
    [
      ['f.yaml:1 (document 1)', undefined],
      ['f.yaml:2 (document 2)', { a: 1 }],
      ['f.yaml:4 (document 3)', { b: 'x\n' }],
      ['f.yaml:7 (document 4)', undefined],
    ],
  )
  assert.equal(documents.map((document) => document.text).join(''), text)
})

test('JSON is one document', () => {
  const [document] = readManifests('f.json', '{ "a": 1 }')

  assert.deepEqual(document, {
    place: 'f.json:1 (document 1)',
    format: 'json',
    text: '{ "a": 1 }',
    value: { a: 1 },
  })
})

test('merge keys are resolved', () => {
  const [document] = readManifests('f.yaml', 'x: &x {a: 1}\ny:\n  <<: *x\n  b: 2\n')

  assert.deepEqual(document?.value?.['y'], { a: 1, b: 2 })
})

suite('a document that cannot be read is named by file, line and number', () => {
  const cases: readonly (readonly [title: string, text: string, message: string])[] = [
    [
      'a bad indent',
      'a: 1\n---\nb:\n  - c\n d: 1\n',
      'f.yaml:5 (document 2): All mapping items must start at the same column',
    ],
    ['a key twice', 'a: 1\na: 2\n', 'f.yaml:2 (document 1): Map keys must be unique'],
    [
      'a list',
      'a: 1\n---\n- b\n',
      'f.yaml:2 (document 2): expected an object with apiVersion and kind',
    ],
    ['text', 'hello\n', 'f.yaml:1 (document 1): expected an object with apiVersion and kind'],
    ['half of a JSON', '{"a": 1', 'f.yaml:1 (document 1): Flow map must end with a }'],
  ]
  for (const [title, text, message] of cases) {
    test(title, () => {
      assert.throws(() => readManifests('f.yaml', text), { code: 'ERR_MANIFEST', message })
    })
  }
})
