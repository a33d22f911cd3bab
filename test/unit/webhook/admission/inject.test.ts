import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import jsonPatch from 'fast-json-patch'
import { inject } from '../../../../webhook/admission/inject.ts'
import { textAt, valueAt, type JsonObject } from '../../../../webhook/admission/json.ts'
import { diffTemplate } from '../../../../webhook/admission/patch.ts'
import { hasSidecar, uninject } from '../../../../webhook/admission/uninject.ts'
import { arbitraryTemplate } from '../../../helpers/arbitrary-template.ts'
import { INSTALLATION, podTemplate } from '../../../helpers/situation.ts'

const settings = INSTALLATION.sidecar
const change = { image: 'podtap/sidecar:0.2.0', filter: 'tcp', vni: 9 }
const newer = { ...settings, ...change }
const f = (template: JsonObject): JsonObject => inject(template, settings)

/** Text, so that the order of keys and own `__proto__` keys count too. */
const same = (actual: unknown, expected: unknown): void => {
  assert.equal(JSON.stringify(actual), JSON.stringify(expected))
}
const law = (check: (template: JsonObject) => void): void => {
  fc.assert(fc.property(arbitraryTemplate, check), { numRuns: 500 })
}
const names = (list: unknown): unknown =>
  Array.isArray(list) ? list.map((element) => valueAt(element, 'name')) : list

for (const native of [false, true]) {
  const mode = { ...settings, native }
  const f = (template: JsonObject): JsonObject => inject(template, mode)

  suite(`laws of injecting a ${native ? 'native' : 'classic'} sidecar into any template`, () => {
    test('injecting twice equals injecting once', () => {
      law((template) => {
        same(f(f(template)), f(template))
      })
    })

    test('removing what was injected gives back the original', () => {
      law((template) => {
        same(uninject(f(template)), template)
      })
    })

    test('an older sidecar is replaced as if it had never been there', () => {
      law((template) => {
        same(inject(f(template), { ...mode, ...change }), inject(template, { ...mode, ...change }))
      })
    })

    test('a sidecar of the other mode is replaced as if it had never been there', () => {
      law((template) => {
        const other = { ...mode, native: !native }
        same(inject(f(template), other), inject(template, other))
      })
    })

    test('the input is not changed', () => {
      law((template) => {
        const before = JSON.stringify(template)
        f(template)
        assert.equal(JSON.stringify(template), before)
      })
    })

    test('the JSON Patch leads from the template to the injected one and back', () => {
      law((template) => {
        const forth = diffTemplate([], template, f(template))
        const back = diffTemplate([], f(template), template)

        same(sorted(apply(template, forth)), sorted(f(template)))
        same(sorted(apply(f(template), back)), sorted(template))
      })
    })

    test('whatever was injected carries the sidecar', () => {
      law((template) => {
        assert.deepEqual([hasSidecar(template), hasSidecar(f(template))], [false, true])
      })
    })
  })
}

test('removing from a template without a sidecar changes nothing', () => {
  law((template) => {
    assert.equal(uninject(template), template)
  })
})

test('a native sidecar starts before the other init containers, and nothing waits for it', () => {
  const template = podTemplate({}, { initContainers: [{ name: 'migrate' }, { name: 'warm-up' }] })

  const injected = inject(template, { ...settings, native: true })

  const [own] = valueAt(injected, 'spec', 'initContainers') as readonly JsonObject[]
  assert.deepEqual(names(valueAt(injected, 'spec', 'initContainers')), [
    'podtap',
    'migrate',
    'warm-up',
  ])
  assert.deepEqual(names(valueAt(injected, 'spec', 'containers')), ['web'])
  assert.equal(valueAt(own, 'restartPolicy'), 'Always')
  const probes = Object.keys(own!).filter((key) => key.endsWith('Probe'))
  assert.deepEqual(probes, [])
})

test('a native sidecar that another injector has moved is replaced where it stands', () => {
  const native = { ...settings, native: true }
  const template = podTemplate({}, { initContainers: [{ name: 'istio-proxy' }] })
  const [own, proxy] = valueAt(
    inject(template, native),
    'spec',
    'initContainers',
  ) as readonly JsonObject[]
  const moved = podTemplate({}, { initContainers: [proxy, own] })

  const replaced = inject(moved, { ...newer, native: true })

  assert.deepEqual(names(valueAt(replaced, 'spec', 'initContainers')), ['istio-proxy', 'podtap'])
})

test('the status says in which list the sidecar stands', () => {
  const status = (native: boolean): unknown =>
    JSON.parse(
      textAt(
        inject(podTemplate(), { ...settings, native }),
        'metadata',
        'annotations',
        'podtap.dev/status',
      ),
    )

  assert.deepEqual(valueAt(status(false), 'containers'), ['podtap'])
  assert.deepEqual(valueAt(status(true), 'initContainers'), ['podtap'])
  assert.deepEqual(valueAt(status(true), 'created'), {
    volumes: 'absent',
    initContainers: 'absent',
  })
})

test('the sidecar is appended behind the containers of the application', () => {
  const template = podTemplate({}, { containers: [{ name: 'web' }, { name: 'log' }] })

  assert.deepEqual(names(valueAt(f(template), 'spec', 'containers')), ['web', 'log', 'podtap'])
})

test('a sidecar that another injector has moved is replaced where it stands', () => {
  const containers = valueAt(f(podTemplate()), 'spec', 'containers') as readonly JsonObject[]
  const moved = podTemplate({}, { containers: [...containers].reverse() })

  const replaced = inject(moved, newer)

  assert.deepEqual(names(valueAt(replaced, 'spec', 'containers')), ['podtap', 'web'])
  assert.equal(valueAt(replaced, 'spec', 'containers', '0'), undefined)
})

test('a sidecar that stands there twice, or among the init containers, becomes one', () => {
  const own = (valueAt(f(podTemplate()), 'spec', 'containers') as readonly JsonObject[])[1]!
  const template = podTemplate(
    {},
    { containers: [own, { name: 'web' }, own], initContainers: [own] },
  )

  const spec = valueAt(f(template), 'spec')

  assert.deepEqual(names(valueAt(spec, 'containers')), ['web', 'podtap'])
  assert.deepEqual(valueAt(spec, 'initContainers'), [])
})

test('a sidecar whose status annotation was lost is still recognised and removed', () => {
  const { spec } = f(podTemplate())

  assert.deepEqual(uninject({ ...podTemplate(), spec }), podTemplate({}, { volumes: [] }))
})

test('a forged status removes nothing that is not podtap’s', () => {
  const forged = JSON.stringify({
    containers: ['web'],
    volumes: ['data'],
    created: { spec: 'absent' },
  })
  const template = podTemplate({ 'podtap.dev/status': forged }, { volumes: [{ name: 'data' }] })

  assert.deepEqual(uninject(template), podTemplate({}, { volumes: [{ name: 'data' }] }))
})

test('an annotation that came after the injection changes nothing of podtap’s', () => {
  const injected = f({ spec: { containers: [{ name: 'web' }] } })
  const annotations = {
    ...(valueAt(injected, 'metadata', 'annotations') as JsonObject),
    later: 'yes',
  }
  const later = { ...injected, metadata: { annotations } }

  assert.deepEqual(f(later), later)
})

test('an annotation that came after the injection stays when the sidecar goes', () => {
  const injected = f({ spec: { containers: [{ name: 'web' }] } })
  const annotations = valueAt(injected, 'metadata', 'annotations') as JsonObject
  const later = { ...injected, metadata: { annotations: { ...annotations, later: 'yes' } } }

  assert.deepEqual(uninject(later), {
    spec: { containers: [{ name: 'web' }] },
    metadata: { annotations: { later: 'yes' } },
  })
})

function apply(template: JsonObject, patch: ReturnType<typeof diffTemplate>): JsonObject {
  const copy: unknown = JSON.parse(JSON.stringify(template))
  // `__proto__` cannot be patched by this library, and never has to be: podtap touches no such key.
  return jsonPatch.applyPatch(copy, structuredClone([...patch]), true).newDocument as JsonObject
}

/** A patch appends keys, so their order says nothing here. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]))
}
