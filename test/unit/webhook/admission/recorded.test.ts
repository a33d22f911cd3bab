/** Every law of injection over workloads as people have them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import jsonPatch from 'fast-json-patch'
import { admit, type Outcome } from '../../../../webhook/admission/admit.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import { arrayAt, objectAt, valueAt, type JsonObject } from '../../../../webhook/admission/json.ts'
import type { SidecarSettings } from '../../../../webhook/admission/settings.ts'
import { uninject } from '../../../../webhook/admission/uninject.ts'
import { findKind } from '../../../../webhook/admission/workload.ts'
import { readRecorded as read, RECORDED } from '../../../helpers/recorded.ts'
import { enabledNamespace, INSTALLATION, situation, workload } from '../../../helpers/situation.ts'

const native: SidecarSettings = { ...INSTALLATION.sidecar, native: true }
const MODES: Readonly<Record<string, SidecarSettings>> = { native, classic: INSTALLATION.sidecar }

test('there are recorded workloads', () => {
  assert.deepEqual(RECORDED, [
    'cron-job.yaml',
    'istio.yaml',
    'job.yaml',
    'linkerd.yaml',
    'stateful-set.yaml',
  ])
})

for (const name of RECORDED) {
  const { template, path } = read(name)
  for (const [mode, settings] of Object.entries(MODES)) {
    suite(`${name}, ${mode} sidecar`, () => {
      const injected = inject(template, settings)

      test('injecting twice is injecting once', () => {
        assert.deepEqual(inject(injected, settings), injected)
      })

      test('taking the sidecar out gives the original back, with its keys in their order', () => {
        assert.equal(JSON.stringify(uninject(injected)), JSON.stringify(template))
      })

      test('an older sidecar is replaced as if it had never been there', () => {
        const older = { ...settings, image: 'podtap/sidecar:0.0.1', vni: 99, cpu: '10m' }

        assert.deepEqual(inject(inject(template, older), settings), injected)
      })

      test('a sidecar of the other mode is replaced as if it had never been there', () => {
        const other = { ...settings, native: !settings.native }

        assert.deepEqual(inject(inject(template, other), settings), injected)
      })

      test('the other containers and volumes stay what and where they were', () => {
        for (const list of ['initContainers', 'containers', 'volumes']) {
          const others = arrayAt(injected, 'spec', list).filter((element) => !isOwn(element))
          assert.deepEqual(others, arrayAt(template, 'spec', list))
        }
      })

      test('a review of its creation is answered with a patch that leads there', () => {
        const { verdict, patch } = review(name, settings)

        const object = structuredClone(read(name).object)
        jsonPatch.applyPatch(object, structuredClone([...patch]) as jsonPatch.Operation[], true)
        const endsByItself = findKind(
          String(object['apiVersion']),
          String(object['kind']),
        )?.endsByItself
        const refused = endsByItself === true && !settings.native
        assert.equal(verdict, refused ? 'unchanged' : 'injected')
        assert.deepEqual(valueAt(object, ...path), refused ? template : injected)
      })

      // The API server refuses every change of a Job's template.
      if (name === 'job.yaml') return
      test('nothing is patched where the template stays as it is', () => {
        const stored = replaced(read(name).object, path, injected)

        const { verdict, reason, patch } = review(name, settings, { object: stored, old: stored })

        assert.deepEqual(
          { verdict, reason, patch },
          {
            verdict: 'unchanged',
            reason: 'template-unchanged',
            patch: [],
          },
        )
      })
    })
  }
}

function review(
  name: string,
  sidecar: SidecarSettings,
  { object, old }: { object: JsonObject; old?: JsonObject } = read(name),
): Outcome {
  const installation = { ...INSTALLATION, sidecar }
  const namespace = enabledNamespace()
  return admit(situation({ workload: workload(object, old), namespace, installation }))
}

function replaced(
  object: JsonObject,
  [key, ...rest]: readonly string[],
  value: unknown,
): JsonObject {
  if (key === undefined) return value as JsonObject
  return { ...object, [key]: replaced(objectAt(object, key), rest, value) }
}

function isOwn(element: unknown): boolean {
  return ['podtap', 'podtap-token'].includes(String(valueAt(element, 'name')))
}
