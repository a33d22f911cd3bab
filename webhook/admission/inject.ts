/** Putting the sidecar into a template. */
import { STATUS } from './annotations.ts'
import { arrayAt, objectAt, type JsonObject } from './json.ts'
import type { SidecarSettings } from './settings.ts'
import { renderContainer, renderVolume } from './sidecar-container.ts'
import { createdIn, hashConfig, inOrder, renderStatus, type Created } from './status.ts'
import { isOwnContainer, isOwnVolume, uninject } from './uninject.ts'

/**
 * The template with the sidecar that `settings` describe. An old sidecar is replaced where it stands,
 * whatever version made it, so that whoever moved it is not fought; one of the other mode is taken out.
 * Otherwise a classic one is appended, so the application's containers keep their places. Injecting
 * twice equals injecting once, and uninject() undoes it.
 * `template.spec.containers` must be an array, and no container or volume of others may have podtap's
 * names (decide() sees to both).
 */
export function inject(template: JsonObject, settings: SidecarSettings): JsonObject {
  const bare = uninject(template)
  const base = standsAsWanted(template, settings) ? template : bare
  const container = renderContainer(settings, arrayAt(bare, 'spec', 'containers'))
  const volume = renderVolume()
  const config = hashConfig({ container, volume })
  const { native } = settings
  const created = inOrder({
    ...createdBefore(template, settings),
    ...parentsToCreate(bare, native),
  })
  const status = renderStatus({ config, native, created })
  return {
    ...base,
    metadata: withStatus(objectAt(base, 'metadata'), status),
    spec: withSidecar(objectAt(base, 'spec'), { container, volume, native }),
  }
}

/** What is put into the spec of a pod. */
interface Addition {
  readonly container: JsonObject
  readonly volume: JsonObject
  readonly native: boolean
}

/** Whether the template's sidecar stands in the list that `settings` ask for, and in no other. */
function standsAsWanted(template: JsonObject, { native }: SidecarSettings): boolean {
  const isIn = (list: string): boolean => arrayAt(template, 'spec', list).some(isOwnContainer)
  return isIn('initContainers') === native && isIn('containers') === !native
}

function withStatus(metadata: JsonObject, status: string): JsonObject {
  return { ...metadata, annotations: { ...objectAt(metadata, 'annotations'), [STATUS]: status } }
}

/**
 * A native sidecar comes before all init containers: they start one after the other, and what they send
 * is mirrored too. It gates none of them, having no startup probe: the next one starts when it runs.
 */
function withSidecar(spec: JsonObject, { container, volume, native }: Addition): JsonObject {
  const list = native ? 'initContainers' : 'containers'
  const own = { element: container, isOwn: isOwnContainer }
  return {
    ...spec,
    [list]: placed(arrayAt(spec, list), own, native ? 'first' : 'last'),
    volumes: placed(arrayAt(spec, 'volumes'), { element: volume, isOwn: isOwnVolume }, 'last'),
  }
}

/** An element of podtap's, and how to tell the ones it replaces. */
interface OwnElement {
  readonly element: JsonObject
  readonly isOwn: (element: unknown) => boolean
}

/** `list` with the element instead of the first of podtap's own, without further ones, or added. */
function placed(
  list: readonly unknown[],
  { element, isOwn }: OwnElement,
  end: 'first' | 'last',
): readonly unknown[] {
  const first = list.findIndex(isOwn)
  if (first === -1) return end === 'first' ? [element, ...list] : [...list, element]
  return list.flatMap((other, index) => {
    if (index === first) return [element]
    return isOwn(other) ? [] : [other]
  })
}

/**
 * What podtap made when it added the sidecar stays on record: an annotation that came later fills a
 * parent of podtap's, and would otherwise change the status of a sidecar that is as it should be.
 */
function createdBefore(template: JsonObject, settings: SidecarSettings): Created {
  return standsAsWanted(template, settings) ? createdIn(template) : {}
}

function parentsToCreate(bare: JsonObject, native: boolean): Created {
  const metadata = objectAt(bare, 'metadata')
  const spec = objectAt(bare, 'spec')
  return {
    ...missing(bare, 'metadata'),
    ...missing(metadata, 'annotations'),
    ...missing(spec, 'volumes'),
    ...(native && missing(spec, 'initContainers')),
  }
}

function missing(object: JsonObject, key: string): Readonly<Record<string, 'absent' | 'null'>> {
  if (!(key in object)) return { [key]: 'absent' }
  return object[key] === null ? { [key]: 'null' } : {}
}
