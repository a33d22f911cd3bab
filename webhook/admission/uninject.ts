/** Taking out what podtap put in, and nothing else. */
import { SIDECAR_NAME } from '../../sidecar/contract.ts'
import { STATUS } from './annotations.ts'
import { arrayAt, isObject, objectAt, valueAt, without, type JsonObject } from './json.ts'
import { VOLUME_NAME } from './sidecar-container.ts'
import { createdIn, type Created, type CreatedParent } from './status.ts'

/**
 * The template without podtap's sidecar, volume and status; the very same object where there is none
 * of them. For every template x without podtap's fields, uninject(inject(x)) equals x as JSON, with
 * its keys in their order.
 */
export function uninject(template: JsonObject): JsonObject {
  if (!carriesOwn(template)) return template
  const created = createdIn(template)
  const spec = isObject(template['spec'])
    ? replaced(template, 'spec', bareSpec(template['spec'], created))
    : template
  const metadata = objectAt(template, 'metadata')
  if (!(STATUS in objectAt(metadata, 'annotations'))) return spec
  const annotations = without(objectAt(metadata, 'annotations'), STATUS)
  const bare = restored(metadata, { parent: 'annotations', value: annotations, created })
  return restored(spec, { parent: 'metadata', value: bare, created })
}

/** Whether the template has podtap's sidecar. */
export function hasSidecar(template: JsonObject): boolean {
  const spec = objectAt(template, 'spec')
  return [...arrayAt(spec, 'containers'), ...arrayAt(spec, 'initContainers')].some(isOwnContainer)
}

/**
 * Whether a container is podtap's: it has its name and mounts its volume. The status annotation is
 * not asked, because it can be lost on the way (a tool that writes all annotations anew).
 */
export function isOwnContainer(container: unknown): boolean {
  if (valueAt(container, 'name') !== SIDECAR_NAME) return false
  return arrayAt(container, 'volumeMounts').some((mount) => valueAt(mount, 'name') === VOLUME_NAME)
}

/** Whether a volume is podtap's: it has its name and is a projected one. */
export function isOwnVolume(volume: unknown): boolean {
  return valueAt(volume, 'name') === VOLUME_NAME && isObject(valueAt(volume, 'projected'))
}

/** A list that podtap may have made, and how its own elements are told. */
interface OwnList {
  readonly parent: 'initContainers' | 'volumes'
  readonly isOwn: (element: unknown) => boolean
}

function carriesOwn(template: JsonObject): boolean {
  const status = STATUS in objectAt(template, 'metadata', 'annotations')
  return status || hasSidecar(template) || arrayAt(template, 'spec', 'volumes').some(isOwnVolume)
}

function bareSpec(spec: JsonObject, created: Created): JsonObject {
  const own = arrayAt(spec, 'containers').some(isOwnContainer)
  const containers = arrayAt(spec, 'containers').filter((element) => !isOwnContainer(element))
  const bare = own ? replaced(spec, 'containers', containers) : spec
  const started = bareList(bare, { parent: 'initContainers', isOwn: isOwnContainer, created })
  return bareList(started, { parent: 'volumes', isOwn: isOwnVolume, created })
}

/** A list of the pod's spec without podtap's elements; as it was before where none are left. */
function bareList(
  spec: JsonObject,
  { parent, isOwn, created }: OwnList & { readonly created: Created },
): JsonObject {
  const list = arrayAt(spec, parent)
  if (!list.some(isOwn)) return spec
  const value = list.filter((element) => !isOwn(element))
  return restored(spec, { parent, value, created })
}

/** `object` with `parent` set to `value`, or, where that is empty and podtap made it, as it was before. */
function restored(
  object: JsonObject,
  { parent, value, created }: { parent: CreatedParent; value: object; created: Created },
): JsonObject {
  const before = Object.keys(value).length === 0 ? created[parent] : undefined
  if (before === 'absent') return without(object, parent)
  return replaced(object, parent, before === 'null' ? null : value)
}

function replaced(object: JsonObject, key: string, value: unknown): JsonObject {
  return { ...object, [key]: value }
}
