/** podtap and service meshes in one template, in either order. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inject } from '../../../../webhook/admission/inject.ts'
import {
  arrayAt,
  objectAt,
  valueAt,
  without,
  type JsonObject,
} from '../../../../webhook/admission/json.ts'
import { uninject } from '../../../../webhook/admission/uninject.ts'
import { readRecorded } from '../../../helpers/recorded.ts'
import { INSTALLATION } from '../../../helpers/situation.ts'

const classic = INSTALLATION.sidecar
const MODES = { native: { ...classic, native: true }, classic }

/** What a mesh adds, as its injector does: at the front or at the end of the lists. */
interface Mesh {
  readonly names: readonly string[]
  readonly end: 'front' | 'back'
}

const MESHES: Readonly<Record<string, Mesh>> = {
  'istio.yaml': { names: ['istio-init', 'istio-proxy'], end: 'back' },
  'linkerd.yaml': { names: ['linkerd-init', 'linkerd-proxy'], end: 'front' },
}

for (const [fixture, mesh] of Object.entries(MESHES)) {
  const meshed = readRecorded(fixture).template
  const plain = withoutMesh(meshed, mesh)
  for (const [mode, settings] of Object.entries(MODES)) {
    suite(`${fixture} and a ${mode} sidecar`, () => {
      test('the mesh before podtap: both are there, once', () => {
        const both = inject(addMesh(plain, meshed, mesh), settings)

        assert.deepEqual(namesIn(both), [...namesIn(meshed), 'podtap'].sort())
        assert.deepEqual(inject(both, settings), both)
      })

      test('podtap before the mesh: a second call changes nothing', () => {
        const both = addMesh(inject(plain, settings), meshed, mesh)

        assert.deepEqual(namesIn(both), [...namesIn(meshed), 'podtap'].sort())
        assert.deepEqual(inject(both, settings), both)
      })

      test('an older podtap before the mesh is brought up to date where it stands', () => {
        const older = { ...settings, vni: 99 }

        const both = addMesh(inject(plain, older), meshed, mesh)
        const updated = inject(both, settings)

        assert.deepEqual(updated, addMesh(inject(plain, settings), meshed, mesh))
      })

      test('taking podtap out leaves the mesh as it was, in either order', () => {
        const first = uninject(addMesh(inject(plain, settings), meshed, mesh))
        const second = uninject(inject(addMesh(plain, meshed, mesh), settings))

        assert.deepEqual(first, addMesh(plain, meshed, mesh))
        assert.deepEqual(second, addMesh(plain, meshed, mesh))
      })

      test('what the mesh added is untouched', () => {
        const both = inject(addMesh(plain, meshed, mesh), settings)

        for (const list of ['initContainers', 'containers']) {
          const own = arrayAt(both, 'spec', list).filter((element) => isOf(mesh, element))
          const wanted = arrayAt(meshed, 'spec', list).filter((element) => isOf(mesh, element))
          assert.deepEqual(own, wanted)
        }
      })
    })
  }
}

function isOf({ names }: Mesh, element: unknown): boolean {
  return names.includes(String(valueAt(element, 'name')))
}

function namesIn(template: JsonObject): readonly string[] {
  const spec = objectAt(template, 'spec')
  const all = [...arrayAt(spec, 'initContainers'), ...arrayAt(spec, 'containers')]
  return all.map((element) => String(valueAt(element, 'name'))).sort()
}

/** The application alone. */
function withoutMesh(template: JsonObject, mesh: Mesh): JsonObject {
  const rest = (list: string): readonly unknown[] =>
    arrayAt(template, 'spec', list).filter((element) => !isOf(mesh, element))
  const spec = without(objectAt(template, 'spec'), 'initContainers')
  return { ...template, spec: { ...spec, containers: rest('containers') } }
}

/** The template with the containers that the mesh has in `meshed`. */
function addMesh(template: JsonObject, meshed: JsonObject, mesh: Mesh): JsonObject {
  const added = (list: string): JsonObject => {
    const own = arrayAt(meshed, 'spec', list).filter((element) => isOf(mesh, element))
    const others = arrayAt(template, 'spec', list)
    const all = mesh.end === 'front' ? [...own, ...others] : [...others, ...own]
    return all.length === 0 ? {} : { [list]: all }
  }
  const spec = { ...objectAt(template, 'spec'), ...added('initContainers'), ...added('containers') }
  return { ...template, spec }
}
