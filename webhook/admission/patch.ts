/** The difference between two templates as a JSON Patch (RFC 6902). */
import jsonPatch from 'fast-json-patch'
import type { JsonObject } from './json.ts'

/** One operation of a JSON Patch; `path` is a JSON Pointer (RFC 6901) from the whole object. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

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
  const prefix = templatePath.map((key) => `/${key}`).join('')
  return jsonPatch.compare(before, after).map((operation) => prefixed(operation, prefix))
}

function prefixed(operation: jsonPatch.Operation, prefix: string): PatchOperation {
  const path = prefix + operation.path
  if (operation.op === 'remove') return { op: 'remove', path }
  if (operation.op === 'add' || operation.op === 'replace') {
    return { op: operation.op, path, value: operation.value as unknown }
  }
  throw new TypeError(`fast-json-patch compare: unexpected operation ${operation.op}`)
}
