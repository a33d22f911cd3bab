/**
 * What decisions read of pods and workloads, so that thousands of them can be kept. What is left out is
 * named here, one by one: a field that is not known yet stays.
 */
import { ANNOTATION_PREFIX } from '../admission/annotations.ts'
import { RESTARTED_AT } from '../admission/consent.ts'
import { arrayAt, isObject, objectAt, valueAt, type JsonObject } from '../admission/json.ts'
import { VOLUME_NAME } from '../admission/sidecar-container.ts'
import type { WorkloadKind } from '../admission/workload.ts'

/** Long, and of no matter to a decision: what runs in a container, and how. */
const CONTAINER_BULK = [
  'args',
  'command',
  'env',
  'envFrom',
  'image',
  'imagePullPolicy',
  'lifecycle',
  'livenessProbe',
  'readinessProbe',
  'securityContext',
  'startupProbe',
  'terminationMessagePath',
  'terminationMessagePolicy',
]

/** Where pods run, and what they say to schedulers. */
const SPEC_BULK = [
  'affinity',
  'dnsConfig',
  'hostAliases',
  'imagePullSecrets',
  'nodeName',
  'tolerations',
  'topologySpreadConstraints',
]

/** Annotations of others that decisions read. */
const READ_ANNOTATIONS = [RESTARTED_AT, 'kubernetes.io/config.mirror']

/** A pod template, or a pod, without what no decision reads: decide() says the same of both. */
export function essentialTemplate(template: JsonObject): JsonObject {
  const { metadata, spec } = template
  return {
    ...(metadata === undefined ? {} : { metadata: essentialMetadata(metadata) }),
    ...(spec === undefined ? {} : { spec: essentialSpec(spec) }),
  }
}

/** A workload of `kind` with its essential template; `apiVersion` and `kind` are put in, lists have none. */
export function essentialWorkload(
  { apiVersion, kind, templatePath }: WorkloadKind,
  object: JsonObject,
): JsonObject {
  const { spec, status } = object
  const metadata = essentialMetadata(object['metadata'])
  const kept = { apiVersion, kind, metadata, spec, status }
  return isObject(valueAt(object, ...templatePath))
    ? withEssentialTemplate(kept, templatePath)
    : kept
}

/** `object` with the template at `path` made essential, and nothing else of it copied. */
function withEssentialTemplate(object: JsonObject, path: readonly string[]): JsonObject {
  const [key = '', ...rest] = path
  if (path.length === 0) return essentialTemplate(object)
  return { ...object, [key]: withEssentialTemplate(objectAt(object, key), rest) }
}

/** Name, owners, labels and the annotations that podtap reads. */
function essentialMetadata(metadata: unknown): unknown {
  if (!isObject(metadata)) return metadata
  const kept = omit(metadata, ['managedFields', 'annotations', 'resourceVersion', 'selfLink'])
  if (!('annotations' in metadata)) return kept
  return { ...kept, annotations: essentialAnnotations(metadata['annotations']) }
}

function essentialAnnotations(annotations: unknown): unknown {
  if (!isObject(annotations)) return annotations
  const entries = Object.entries(annotations)
  return Object.fromEntries(
    entries.filter(([key]) => key.startsWith(ANNOTATION_PREFIX) || READ_ANNOTATIONS.includes(key)),
  )
}

function essentialSpec(spec: unknown): unknown {
  if (!isObject(spec)) return spec
  const lists = {
    containers: essentialContainer,
    initContainers: essentialContainer,
    volumes: essentialVolume,
  }
  const kept: Record<string, unknown> = { ...omit(spec, SPEC_BULK) }
  for (const [name, essential] of Object.entries(lists)) {
    if (Array.isArray(spec[name])) kept[name] = arrayAt(spec, name).map(essential)
  }
  return kept
}

function essentialContainer(container: unknown): unknown {
  if (!isObject(container)) return container
  const kept = omit(container, CONTAINER_BULK)
  if (!Array.isArray(container['volumeMounts'])) return kept
  const mounts = arrayAt(container, 'volumeMounts').filter((mount) => isNamed(mount, VOLUME_NAME))
  return { ...kept, volumeMounts: mounts }
}

/** A decision asks of a volume only whether it is podtap's. */
function essentialVolume(volume: unknown): unknown {
  if (!isObject(volume) || isNamed(volume, VOLUME_NAME)) return volume
  return { name: volume['name'] }
}

function isNamed(element: unknown, name: string): boolean {
  return valueAt(element, 'name') === name
}

function omit(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
}
