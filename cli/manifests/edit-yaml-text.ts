/** Changing lines of a YAML text and no others. */
import { isCollection, isMap, isNode, isScalar, isSeq, parseDocument, stringify } from 'yaml'
import type { PatchOperation } from '../../webhook/admission/patch.ts'
import { keysOf, nodeAt, pairOf } from './yaml-path.ts'

/**
 * The text with `patch` applied, or undefined where one of its operations is not a matter of lines: the
 * parent is missing, empty or in flow style. Whether the result says what it should is for the caller
 * to check.
 */
export function editText(text: string, patch: readonly PatchOperation[]): string | undefined {
  return patch.reduce<string | undefined>(
    (edited, operation) => edited && applyOne(edited, operation),
    text.endsWith('\n') ? text : `${text}\n`,
  )
}

/** A part of a text, and what is to stand there. */
interface Change {
  readonly from: number
  readonly to: number
  readonly text: string
}

function applyOne(text: string, operation: PatchOperation): string | undefined {
  const { contents } = parseDocument(text, { merge: true })
  const path = keysOf(operation.path)
  const parent = nodeAt(contents, path.slice(0, -1))
  const change = changeOf(text, parent, { operation, key: path.at(-1) ?? '' })
  return change && text.slice(0, change.from) + change.text + text.slice(change.to)
}

interface Wanted {
  readonly operation: PatchOperation
  readonly key: string
}

function changeOf(text: string, parent: unknown, { operation, key }: Wanted): Change | undefined {
  if (!isCollection(parent) || parent.flow === true || parent.items.length === 0) return undefined
  if (operation.op === 'remove') return removal(text, parent, key)
  if (operation.op === 'replace') return replacement(parent, key, operation.value)
  return addition(text, parent, { key, value: operation.value })
}

/** One more item behind the last one. */
function addition(
  text: string,
  parent: unknown,
  { key, value }: { key: string; value: unknown },
): Change | undefined {
  if (!isCollection(parent) || !parent.range) return undefined
  if (isSeq(parent) && Number(key) !== parent.items.length) return undefined
  const from = lineAfter(text, endOf(parent))
  const column = columnOf(text, parent.range[0])
  const written = write(isSeq(parent) ? [value] : { [key]: value }, text)
  return { from, to: from, text: written.replaceAll(/^(?=.)/gm, ' '.repeat(column)) }
}

function replacement(parent: unknown, key: string, value: unknown): Change | undefined {
  const node = nodeAt(parent, [key])
  if (!isScalar(node) || !node.range || typeof value === 'object') return undefined
  return { from: node.range[0], to: node.range[1], text: stringify(value, { lineWidth: 0 }).trim() }
}

/** The lines of an item, where it does not share its first line with its parent. */
function removal(text: string, parent: unknown, key: string): Change | undefined {
  const node = nodeAt(parent, [key])
  const first = isMap(parent) ? pairOf(parent, key)?.key : node
  if (!isNode(first) || !first.range) return undefined
  const from = text.lastIndexOf('\n', first.range[0] - 1) + 1
  return { from, to: lineAfter(text, Math.max(endOf(node), first.range[1])), text: '' }
}

/** Where the last thing in a node ends. A collection's own range also spans the comments behind it. */
function endOf(node: unknown): number {
  if (!isNode(node)) return 0
  if (!isCollection(node) || node.flow === true) return node.range?.[1] ?? 0
  const last: unknown = node.items.at(-1)
  if (!isMap(node)) return endOf(last)
  const pair = last as { key: unknown; value: unknown }
  return Math.max(endOf(pair.value), endOf(pair.key))
}

/** The beginning of the line after `offset`; `offset` itself where a line begins there. */
function lineAfter(text: string, offset: number): number {
  return text[offset - 1] === '\n' ? offset : text.indexOf('\n', offset) + 1
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1)
}

/** In the style of the text: lists below a key are indented, or not. */
function write(value: unknown, text: string): string {
  const indented = !/^( *)(?:- )?[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n\1- /m.test(text)
  return stringify(value, { lineWidth: 0, indentSeq: indented })
}
