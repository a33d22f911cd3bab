/** Running the webhook's decisions over manifests in files. */
import jsonPatch from 'fast-json-patch'
import { stringify } from 'yaml'
import { INJECT, type Annotations } from '../../webhook/admission/annotations.ts'
import {
  arrayAt,
  isObject,
  objectAt,
  textAt,
  type JsonObject,
} from '../../webhook/admission/json.ts'
import type { PatchOperation } from '../../webhook/admission/patch.ts'
import type { NamespaceFacts, Situation } from '../../webhook/admission/rules.ts'
import { annotatedFilter } from '../../webhook/admission/settings-for.ts'
import type { Installation } from '../../webhook/admission/settings.ts'
import {
  annotationsOf,
  findKind,
  newWorkload,
  type Workload,
} from '../../webhook/admission/workload.ts'
import { editYaml } from './edit-yaml.ts'
import type { ManifestDocument, ManifestFormat } from './read-manifests.ts'

/** A workload in a document. */
export interface PlacedWorkload {
  /** JSON Pointer from the document to the object: empty, or `/items/3` in a List. */
  readonly pointer: string
  readonly workload: Workload
}

/** What is known beside the manifests. */
export interface Surroundings {
  readonly installation: Installation
  /** For objects that do not name a namespace. */
  readonly defaultNamespace: string
  /** Annotations that every namespace has, before all others. */
  readonly namespaceAnnotations: Annotations
  /** What findFilterProblems() found; nothing is known of filters that are not in it. */
  readonly filterProblems?: ReadonlyMap<string, string>
}

/** All workloads of a document, those in a List included. */
export function workloadsIn(
  document: ManifestDocument,
  namespace: string,
): readonly PlacedWorkload[] {
  return objectsIn(document).flatMap(({ pointer, object }) => {
    const kind = findKind(textAt(object, 'apiVersion'), textAt(object, 'kind'))
    if (kind === undefined) return []
    const workload = newWorkload(kind, object)
    const named = textAt(object, 'metadata', 'namespace') !== ''
    return [{ pointer, workload: named ? workload : { ...workload, namespace } }]
  })
}

/**
 * The situation of a workload among `documents`. A namespace counts as enabled, because whoever runs
 * the command asks for the sidecar, unless its own manifest is among them: that one is believed.
 */
export function situationOf(
  workload: Workload,
  documents: readonly ManifestDocument[],
  surroundings: Surroundings,
): Situation {
  const { installation, namespaceAnnotations, filterProblems } = surroundings
  const name = workload.namespace
  const manifest = documents.flatMap(objectsIn).find(({ object }) => isNamespace(object, name))
  const known: Annotations = manifest ? annotationsOf(manifest.object) : { [INJECT]: 'enabled' }
  const labels = objectAt(manifest?.object, 'metadata', 'labels') as NamespaceFacts['labels']
  const namespace = { name, annotations: { ...known, ...namespaceAnnotations }, labels }
  const filterProblem = filterProblems?.get(annotatedFilter(workload, namespace) ?? '')
  return { workload, installation, namespace, cluster: { filterProblem } }
}

/** The text of the document with `patch` applied; the very text where the patch is empty. */
export function editDocument(
  document: ManifestDocument,
  patch: readonly PatchOperation[],
  format: ManifestFormat = document.format,
): string {
  const same = format === document.format
  if (patch.length === 0 && same) return document.text
  const expected = patched(document.value, patch)
  if (format === 'json') return `${JSON.stringify(expected, null, indentOf(document.text))}\n`
  return same ? editYaml(document.text, patch, expected) : stringify(expected, { lineWidth: 0 })
}

interface PlacedObject {
  readonly pointer: string
  readonly object: JsonObject
}

function objectsIn({ value }: ManifestDocument): readonly PlacedObject[] {
  if (value === undefined) return []
  if (!textAt(value, 'kind').endsWith('List')) return [{ pointer: '', object: value }]
  return arrayAt(value, 'items').flatMap((object, index) =>
    isObject(object) ? [{ pointer: `/items/${index}`, object }] : [],
  )
}

function isNamespace(object: JsonObject, name: string): boolean {
  return object['kind'] === 'Namespace' && textAt(object, 'metadata', 'name') === name
}

function patched(value: unknown, patch: readonly PatchOperation[]): unknown {
  const copy = structuredClone(value)
  return jsonPatch.applyPatch(copy, structuredClone([...patch])).newDocument
}

/** The indentation of the first line that has one. */
function indentOf(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
}
