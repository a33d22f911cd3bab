import assert from 'node:assert/strict'
import test from 'node:test'
import { selects } from '../../../../lib/kube/label-selector.ts'

const LABELS = { app: 'web', tier: 'front' }

test('an empty selector selects everything, a missing one nothing', () => {
  assert.equal(selects({}, LABELS), true)
  assert.equal(selects(undefined, LABELS), false)
})

test('all labels of matchLabels must be there', () => {
  assert.equal(selects({ matchLabels: { app: 'web', tier: 'front' } }, LABELS), true)
  assert.equal(selects({ matchLabels: { app: 'web', tier: 'back' } }, LABELS), false)
})

test('expressions hold as the API says', () => {
  const cases = [
    [{ key: 'app', operator: 'In', values: ['web', 'api'] }, true],
    [{ key: 'app', operator: 'NotIn', values: ['web'] }, false],
    [{ key: 'zone', operator: 'NotIn', values: ['a'] }, true],
    [{ key: 'app', operator: 'Exists' }, true],
    [{ key: 'zone', operator: 'DoesNotExist' }, true],
    [{ key: 'app', operator: 'DoesNotExist' }, false],
    [{ key: 'app', operator: 'Gt', values: ['1'] }, false],
  ] as const
  for (const [expression, expected] of cases) {
    assert.equal(
      selects({ matchExpressions: [expression] }, LABELS),
      expected,
      JSON.stringify(expression),
    )
  }
})
