import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { fingerprintOf } from '../../../../webhook/admission/fingerprint.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import { isObject, objectAt, type JsonObject } from '../../../../webhook/admission/json.ts'
import { arbitraryTemplate } from '../../../helpers/arbitrary-template.ts'
import { INSTALLATION, podTemplate } from '../../../helpers/situation.ts'

/** Every object below `value` with its keys the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (!isObject(value)) return value
  const entries = Object.entries(value).reverse()
  return Object.fromEntries(entries.map(([key, child]) => [key, reversed(child)]))
}

suite('the fingerprint of a template', () => {
  test('is the same with the sidecar and without', () => {
    fc.assert(
      fc.property(arbitraryTemplate, fc.boolean(), (template, native) => {
        const injected = inject(template, { ...INSTALLATION.sidecar, native })
        assert.equal(fingerprintOf(injected), fingerprintOf(template))
      }),
    )
  })

  test('is the same in any order of keys', () => {
    fc.assert(
      fc.property(arbitraryTemplate, (template) => {
        assert.equal(fingerprintOf(reversed(template) as JsonObject), fingerprintOf(template))
      }),
    )
  })

  test('does not see what controllers add where they store it', () => {
    const template = podTemplate()
    const metadata = objectAt(template, 'metadata')
    const labels = { ...objectAt(metadata, 'labels'), 'pod-template-hash': '6f98595696' }
    const stored = {
      ...template,
      $patch: 'replace',
      metadata: { ...metadata, labels, creationTimestamp: null },
    }

    assert.equal(fingerprintOf(stored), fingerprintOf(template))
  })

  test('sees a restart, an image and a label', () => {
    const image = podTemplate({}, { containers: [{ name: 'web', image: 'web:2' }] })
    const restarted = podTemplate({ 'kubectl.kubernetes.io/restartedAt': '2026-11-22T06:00:00Z' })
    const labelled = { ...podTemplate(), metadata: { labels: { app: 'api' } } }

    const prints = [podTemplate(), image, restarted, labelled].map(fingerprintOf)

    assert.equal(new Set(prints).size, 4)
  })

  test('is 22 characters, whatever the size of the template', () => {
    const long = podTemplate({ note: 'x'.repeat(100_000) })

    assert.match(fingerprintOf(long), /^[\w-]{22}$/)
  })
})
