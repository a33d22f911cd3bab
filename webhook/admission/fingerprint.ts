/** Telling whether two templates are the same one, long after only a hash of the first is left. */
import { createHash } from 'node:crypto'
import { isObject, objectAt, type JsonObject } from './json.ts'
import { uninject } from './uninject.ts'

/** Labels by which controllers tell revisions apart; they write them, and no template has them. */
const REVISION_LABELS = ['pod-template-hash', 'controller-revision-hash', 'pod-template-generation']

/**
 * A hash (22 characters) of a template without podtap's fields and without what controllers add where
 * they store it. Templates that are equal as JSON have equal fingerprints, whatever the order of their
 * keys. `$patch` stands in ControllerRevisions, which are stored as strategic merge patches.
 */
export function fingerprintOf(template: JsonObject): string {
  const bare = uninject(template)
  const metadata = objectAt(bare, 'metadata')
  const labels = omit(objectAt(metadata, 'labels'), REVISION_LABELS)
  const annotations = objectAt(metadata, 'annotations')
  const others = omit(metadata, ['labels', 'annotations', 'creationTimestamp'])
  const stored = { ...others, labels, annotations }
  const text = canonical({ ...omit(bare, ['$patch']), metadata: stored })
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

/** JSON with the keys of objects in the order of their code units. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`
}

function omit(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
}
