/**
 * Reading JSON of unknown shape. Objects stay as the API server sent them: podtap never converts them
 * to typed classes and back, which would drop every field it does not know.
 */

/** A JSON object whose fields nobody has checked yet. It may have an own key `__proto__`. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether `value` is a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at `path` below `root`; undefined where a step is missing or not an object. */
export function valueAt(root: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), root)
}

/** The object at `path` below `root`; empty where there is none. */
export function objectAt(root: unknown, ...path: readonly string[]): JsonObject {
  const value = valueAt(root, ...path)
  return isObject(value) ? value : {}
}

/** The text at `path` below `root`; empty where there is none. */
export function textAt(root: unknown, ...path: readonly string[]): string {
  const value = valueAt(root, ...path)
  return typeof value === 'string' ? value : ''
}

/** The array at `path` below `root`; empty where there is none. */
export function arrayAt(root: unknown, ...path: readonly string[]): readonly unknown[] {
  const value = valueAt(root, ...path)
  return Array.isArray(value) ? value : []
}

/** A copy of `object` without `key`; the other keys keep their order. */
export function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
}
