import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { editYaml } from '../../../../cli/manifests/edit-yaml.ts'
import type { PatchOperation } from '../../../../webhook/admission/patch.ts'

interface Case {
  readonly title: string
  readonly before: string
  readonly patch: readonly PatchOperation[]
  readonly expected: unknown
  readonly after: string
}

const CASES: readonly Case[] = [
  {
    title: 'a list grows by lines in its own style, comments and spacing stay',
    before: '# head\nlist:   # why\n- a: 1\n  b: |\n    x\n\n# tail\nother: "q"   # odd\n',
    patch: [{ op: 'add', path: '/list/1', value: { a: 2, c: ['x'] } }],
    expected: {
      list: [
        { a: 1, b: 'x\n' },
        { a: 2, c: ['x'] },
      ],
      other: 'q',
    },
    after:
      '# head\nlist:   # why\n- a: 1\n  b: |\n    x\n- a: 2\n  c:\n  - x\n\n# tail\nother: "q"   # odd\n',
  },
  {
    title: 'an indented list grows by indented lines',
    before: 'a:\n  list:\n    - x # one\n    # rest\n  z: 1\n',
    patch: [{ op: 'add', path: '/a/list/1', value: { y: [1] } }],
    expected: { a: { list: ['x', { y: [1] }], z: 1 } },
    after: 'a:\n  list:\n    - x # one\n    - y:\n        - 1\n    # rest\n  z: 1\n',
  },
  {
    title: 'a map grows behind its last key',
    before: '---\na:\n  b: 1\nc: {}\n',
    patch: [{ op: 'add', path: '/a/x~1y', value: '{"q":1}' }],
    expected: { a: { b: 1, 'x/y': '{"q":1}' }, c: {} },
    after: '---\na:\n  b: 1\n  x/y: \'{"q":1}\'\nc: {}\n',
  },
  {
    title: 'a value is replaced where it stands',
    before: 'a: 1\nimage: old:1 # pinned\n',
    patch: [{ op: 'replace', path: '/image', value: 'new:2' }],
    expected: { a: 1, image: 'new:2' },
    after: 'a: 1\nimage: new:2 # pinned\n',
  },
  {
    title: 'an item goes with its lines',
    before: 'list:\n  - a: 1 # keep\n  - b: 2\n    c: 3\nz: 1\n',
    patch: [{ op: 'remove', path: '/list/1' }],
    expected: { list: [{ a: 1 }], z: 1 },
    after: 'list:\n  - a: 1 # keep\nz: 1\n',
  },
  {
    title: 'flow style is written anew, comments stay',
    before: '# head\nlist: [{a: 1}]\n',
    patch: [{ op: 'add', path: '/list/1', value: { b: 2 } }],
    expected: { list: [{ a: 1 }, { b: 2 }] },
    after: '# head\nlist: [{a: 1}, {b: 2}]\n',
  },
  {
    title: 'the last item leaves an empty list',
    before: 'list:\n  - a\nz: 1 # z\n',
    patch: [{ op: 'remove', path: '/list/0' }],
    expected: { list: [], z: 1 },
    after: 'list: []\nz: 1 # z\n',
  },
  {
    title: 'an alias is unfolded rather than changing its anchor',
    before: '---\nbase: &base\n  - a\nlist: *base\n',
    patch: [{ op: 'add', path: '/list/1', value: 'b' }],
    expected: { base: ['a'], list: ['a', 'b'] },
    after: '---\nbase:\n  - a\nlist:\n  - a\n  - b\n',
  },
  {
    title: 'a text without a line break at its end',
    before: 'a:\n  b: 1',
    patch: [{ op: 'add', path: '/a/c', value: 2 }],
    expected: { a: { b: 1, c: 2 } },
    after: 'a:\n  b: 1\n  c: 2\n',
  },
]

suite('editing YAML', () => {
  for (const { title, before, patch, expected, after } of CASES) {
    test(title, () => {
      assert.equal(editYaml(before, patch, expected), after)
    })
  }
})
