/** Generated pod templates of odd shapes, for laws that must hold for all of them. */
import fc, { type Arbitrary } from 'fast-check'
import type { JsonObject } from '../../webhook/admission/json.ts'

/** Keys that have hurt programs before, beside ordinary ones. None of them is podtap's. */
const key = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'hasOwnProperty', 'toJSON', '', '0', 'a/b', 'a~b'),
  fc.string({ maxLength: 8 }),
)

/** What JSON.parse could have made: own `__proto__` keys stay own keys. */
const object = (value: Arbitrary<unknown>): Arbitrary<JsonObject> =>
  fc
    .array(fc.tuple(key, value), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries) as JsonObject)

const json: Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.jsonValue({ maxDepth: 1 }), object(tie('value'))),
})).value

const container = fc
  .tuple(object(json), fc.constantFrom('web', 'istio-proxy', 'log'))
  .map(([fields, name]) => ({ ...fields, name }))

const volume = fc
  .tuple(object(json), fc.constantFrom('data', 'podtap', 'tmp'))
  .map(([fields, name]) => ({ ...fields, name }))

/** A list that may be missing, null or empty, with elements that may be anything. */
const list = (element: Arbitrary<unknown>): Arbitrary<readonly unknown[] | null | undefined> =>
  fc.oneof(fc.constantFrom(undefined, null), fc.array(fc.oneof(element, json), { maxLength: 3 }))

const optional = <T>(value: Arbitrary<T>): Arbitrary<T | null | undefined> =>
  fc.oneof({ weight: 3, arbitrary: value }, fc.constantFrom(undefined, null))

const metadata = fc
  .tuple(object(json), optional(object(fc.string())))
  .map(([fields, annotations]) => defined({ ...fields, annotations }))

const spec = fc
  .tuple(
    object(json),
    fc.array(container, { minLength: 1, maxLength: 3 }),
    list(container),
    list(volume),
  )
  .map(([fields, containers, initContainers, volumes]) =>
    defined({ ...fields, containers, initContainers, volumes }),
  )

/** A template that podtap may be asked to change: it has containers, and nothing of podtap's. */
export const arbitraryTemplate: Arbitrary<JsonObject> = fc
  .tuple(object(json), optional(metadata), spec)
  .map(([fields, ofMetadata, ofSpec]) => defined({ ...fields, metadata: ofMetadata, spec: ofSpec }))

/** JSON has no undefined: such keys are absent. */
function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
