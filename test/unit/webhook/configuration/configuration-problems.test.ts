import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import {
  configurationProblems,
  WANTED_REVIEWS,
} from '../../../../webhook/configuration/configuration-problems.ts'
import { OWN } from '../../../helpers/own-objects.ts'

const MANIFEST = join(import.meta.dirname, '../../../../manifests/base/webhook-configuration.yaml')
const SHOP = { name: 'shop', labels: { 'kubernetes.io/metadata.name': 'shop' } }

interface Configuration extends JsonObject {
  readonly webhooks: JsonObject[]
}

/** The configuration of the manifests, with some fields of its webhook changed. */
function configuration(changes: JsonObject = {}): Configuration {
  const { webhooks, ...rest } = parse(readFileSync(MANIFEST, 'utf8')) as Configuration
  return { ...rest, webhooks: webhooks.map((webhook) => ({ ...webhook, ...changes })) }
}

const problems = (changes: JsonObject): readonly string[] =>
  configurationProblems(configuration(changes), OWN, [SHOP]).map((problem) => {
    assert.match(
      problem,
      /^MutatingWebhookConfiguration podtap: .*; podtap leaves this field to you/,
    )
    return problem.replace(/^.*?: /, '').replace(/; podtap leaves.*$/, '')
  })

test('the manifests have none, and ask for exactly what is wanted', () => {
  const asked = configuration().webhooks.flatMap((webhook) =>
    (webhook['rules'] as Record<string, string[]>[]).flatMap((rule) =>
      rule['resources']!.flatMap((resource) =>
        rule['operations']!.map((each) => `${each} ${resource}.${rule['apiGroups']!.join()}`),
      ),
    ),
  )

  assert.deepEqual(problems({}), [])
  assert.deepEqual(asked.sort(), [...WANTED_REVIEWS].sort())
})

test('failurePolicy Fail is told', () => {
  assert.deepEqual(problems({ failurePolicy: 'Fail' }), [
    'failurePolicy: expected Ignore, found Fail: while podtap is away nothing can be deployed',
  ])
})

test('what the API server no longer asks about is told by kind and operation', () => {
  const rules = [
    { apiGroups: ['apps', 'batch'], operations: ['*'], resources: ['*'] },
    { apiGroups: [''], operations: ['UPDATE'], resources: ['pods'] },
  ]

  assert.deepEqual(problems({ rules }), [
    'rules: expected CREATE pods, found no such rule: podtap is not asked',
  ])
  assert.match(problems({ rules: [] })[0]!, /^rules: expected CREATE deployments\.apps, UPDATE /)
})

test('a selector is told only where it leaves out a namespace that is enabled', () => {
  const key = 'kubernetes.io/metadata.name'
  const only = (...values: string[]): JsonObject => ({
    namespaceSelector: { matchExpressions: [{ key, operator: 'In', values }] },
  })

  assert.deepEqual(problems(only('shop', 'bank')), [])
  assert.deepEqual(problems({ namespaceSelector: {} }), [])
  assert.deepEqual(problems(only('bank')), [
    'namespaceSelector: expected every enabled namespace, found shop left out: podtap is not asked',
  ])
})

test('of many namespaces that are left out the first three are named', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const enabled = names.map((name) => ({ name, labels: {} }))
  const namespaceSelector = { matchLabels: { tap: 'yes' } }

  const [problem] = configurationProblems(configuration({ namespaceSelector }), OWN, enabled)

  assert.match(problem!, /found a, b, c and 2 more left out/)
})

test('webhooks that call somebody else are theirs', () => {
  const clientConfig = { service: { namespace: 'other', name: 'other' } }
  assert.deepEqual(problems({ clientConfig, failurePolicy: 'Fail' }), [])
  assert.deepEqual(configurationProblems(undefined, OWN, [SHOP]), [])
})
