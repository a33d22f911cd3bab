/** Putting the sidecar into a template. */
import { STATUS } from './annotations.ts'
import { arrayAt, objectAt, type JsonObject } from './json.ts'
import type { SidecarSettings } from './settings.ts'
import { renderContainer, renderVolume } from './sidecar-container.ts'
import { hashConfig, renderStatus, type Created } from './status.ts'
import { isOwnContainer, isOwnVolume, uninject } from './uninject.ts'

/**
 * The template with the sidecar that `settings` describe. An old sidecar is replaced where it stands,
 * whatever version made it; otherwise the new one is appended, so the application's containers keep
 * their places. Injecting twice equals injecting once, and uninject() undoes it.
 * `template.spec.containers` must be an array, and no container or volume of others may have podtap's
 * names (decide() sees to both).
 */
export function inject(template: JsonObject, settings: SidecarSettings): JsonObject {
  const bare = uninject(template)
  const container = renderContainer(settings, arrayAt(bare, 'spec', 'containers'))
  const volume = renderVolume()
  const status = renderStatus(hashConfig({ container, volume }), parentsToCreate(bare))
  return {
    ...template,
    metadata: withStatus(objectAt(template, 'metadata'), status),
    spec: withSidecar(objectAt(template, 'spec'), container, volume),
  }
}

function withStatus(metadata: JsonObject, status: string): JsonObject {
  return { ...metadata, annotations: { ...objectAt(metadata, 'annotations'), [STATUS]: status } }
}

function withSidecar(spec: JsonObject, container: JsonObject, volume: JsonObject): JsonObject {
  const initContainers = arrayAt(spec, 'initContainers')
  const others = initContainers.filter((element) => !isOwnContainer(element))
  return {
    ...spec,
    ...(others.length < initContainers.length && { initContainers: others }),
    containers: placed(arrayAt(spec, 'containers'), container, isOwnContainer),
    volumes: placed(arrayAt(spec, 'volumes'), volume, isOwnVolume),
  }
}

/** `list` with `element` instead of the first of podtap's own, without further ones, or appended. */
function placed(
  list: readonly unknown[],
  element: JsonObject,
  isOwn: (element: unknown) => boolean,
): readonly unknown[] {
  const first = list.findIndex(isOwn)
  if (first === -1) return [...list, element]
  return list.flatMap((other, index) => {
    if (index === first) return [element]
    return isOwn(other) ? [] : [other]
  })
}

function parentsToCreate(bare: JsonObject): Created {
  const metadata = objectAt(bare, 'metadata')
  return {
    ...missing(bare, 'metadata'),
    ...missing(metadata, 'annotations'),
    ...missing(objectAt(bare, 'spec'), 'volumes'),
  }
}

function missing(object: JsonObject, key: string): Readonly<Record<string, 'absent' | 'null'>> {
  if (!(key in object)) return { [key]: 'absent' }
  return object[key] === null ? { [key]: 'null' } : {}
}
