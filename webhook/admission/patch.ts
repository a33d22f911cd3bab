/** The difference between two templates as a JSON Patch (RFC 6902). */
import { isDeepStrictEqual } from 'node:util'
import jsonPatch from 'fast-json-patch'
import { isObject, objectAt, valueAt, type JsonObject } from './json.ts'

/** One operation of a JSON Patch; `path` is a JSON Pointer (RFC 6901) from the whole object. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

/** The lists in a pod's spec to which podtap adds, or from which it takes. */
const LISTS = ['initContainers', 'containers', 'volumes'] as const

/**
 * The operations that turn `before` into `after`, two versions of the template at `templatePath` of
 * an object. Empty where they are equal. Only the template is compared, so that nothing outside it
 * can be changed, and a review costs the size of its template.
 */
export function diffTemplate(
  templatePath: readonly string[],
  before: JsonObject,
  after: JsonObject,
): readonly PatchOperation[] {
  const runs = LISTS.flatMap((list) => findRun(before, after, list))
  const operations = [...runs.flatMap(operationsOf), ...compare(applyRuns(before, runs), after)]
  const prefix = templatePath.map((key) => `/${key}`).join('')
  return operations.map((operation) => ({ ...operation, path: prefix + operation.path }))
}

/** A list that differs by one run of elements which were put in or taken out. */
interface Run {
  readonly list: (typeof LISTS)[number]
  readonly at: number
  readonly removed: number
  readonly added: readonly unknown[]
  /** The whole list afterwards. */
  readonly result: readonly unknown[]
}

/**
 * fast-json-patch compares lists element by element, so an element put in before others would rewrite
 * all of them. A run is found by what the lists have in common at both ends.
 */
function findRun(before: JsonObject, after: JsonObject, list: Run['list']): readonly Run[] {
  const old = valueAt(before, 'spec', list)
  const result = valueAt(after, 'spec', list)
  if (!isList(old) || !isList(result) || old.length === result.length) return []
  const shorter = Math.min(old.length, result.length)
  const at = countWhile(shorter, (index) => isDeepStrictEqual(old[index], result[index]))
  const tail = countWhile(shorter - at, (index) =>
    isDeepStrictEqual(old.at(-1 - index), result.at(-1 - index)),
  )
  if (at + tail < shorter) return []
  const added = result.slice(at, result.length - tail)
  return [{ list, at, removed: old.length - tail - at, added, result }]
}

function operationsOf({ list, at, removed, added }: Run): readonly PatchOperation[] {
  const path = `/spec/${list}`
  return [
    ...Array.from({ length: removed }, () => ({ op: 'remove', path: `${path}/${at}` }) as const),
    ...added.map((value, index) => ({ op: 'add', path: `${path}/${at + index}`, value }) as const),
  ]
}

function applyRuns(template: JsonObject, runs: readonly Run[]): JsonObject {
  if (runs.length === 0 || !isObject(template['spec'])) return template
  const lists = Object.fromEntries(runs.map(({ list, result }) => [list, result]))
  return { ...template, spec: { ...objectAt(template, 'spec'), ...lists } }
}

function compare(before: JsonObject, after: JsonObject): readonly PatchOperation[] {
  return jsonPatch.compare(before, after).map((operation) => {
    const { op, path } = operation
    if (op === 'remove') return { op, path }
    if (op === 'add' || op === 'replace') return { op, path, value: operation.value as unknown }
    throw new TypeError(`fast-json-patch compare: unexpected operation ${op}`)
  })
}

function countWhile(most: number, holds: (index: number) => boolean): number {
  let count = 0
  while (count < most && holds(count)) count += 1
  return count
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
