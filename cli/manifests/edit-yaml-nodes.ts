/** Changing the parsed document and writing it anew: comments stay, spacing may change. */
import { isMap, isSeq, parseDocument, type Document } from 'yaml'
import type { PatchOperation } from '../../webhook/admission/patch.ts'
import { keysOf, nodeAt } from './yaml-path.ts'

/** The text with `patch` applied, or undefined where a parent of a changed value is not in the document. */
export function editNodes(text: string, patch: readonly PatchOperation[]): string | undefined {
  const document = parseDocument(text, { merge: true })
  const done = patch.every((operation) => apply(document, operation))
  return done ? document.toString({ lineWidth: 0, flowCollectionPadding: false }) : undefined
}

function apply(document: Document.Parsed, operation: PatchOperation): boolean {
  const path = keysOf(operation.path)
  const key = path.at(-1) ?? ''
  const parent = nodeAt(document.contents, path.slice(0, -1))
  if (!isSeq(parent) && !isMap(parent)) return false
  if (operation.op === 'remove') return parent.delete(isSeq(parent) ? Number(key) : key)
  const node = document.createNode(operation.value)
  if (isMap(parent)) parent.set(key, node)
  else parent.items.splice(Number(key), operation.op === 'add' ? 0 : 1, node)
  return true
}
