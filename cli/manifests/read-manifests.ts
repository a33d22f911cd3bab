/** Manifests in files: one JSON document, or YAML of many documents, cut into pieces that can be put together again. */
import { parseDocument } from 'yaml'
import { AppError } from '../../lib/errors.ts'
import { isObject, type JsonObject } from '../../webhook/admission/json.ts'

/** How a file is written. */
export type ManifestFormat = 'json' | 'yaml'

/** One document of a file. */
export interface ManifestDocument {
  /** Where it is: `shop.yaml:14 (document 2)`. */
  readonly place: string
  readonly format: ManifestFormat
  /** Its text as it stands in the file, with the `---` that begins it. */
  readonly text: string
  /** What it says; undefined: nothing but white space and comments. */
  readonly value: JsonObject | undefined
}

/**
 * Cuts the text of a file into its documents: joined, their texts are the text again. A text that
 * begins with a brace and is JSON as a whole is one JSON document.
 * @throws AppError ERR_MANIFEST naming file, line and document of the first one that cannot be read.
 */
export function readManifests(file: string, text: string): readonly ManifestDocument[] {
  const json = readJson(file, text)
  if (json !== undefined) return [json]
  const documents: ManifestDocument[] = []
  let line = 1
  for (const piece of splitDocuments(text)) {
    documents.push(readYaml(piece, { file, line, number: documents.length + 1 }))
    line += piece.split('\n').length - 1
  }
  return documents
}

/** What a YAML text says. Merge keys (`<<`) are resolved, as kubectl does. */
export function yamlValue(text: string): unknown {
  return parseDocument(text, { merge: true }).toJS()
}

interface Piece {
  readonly file: string
  /** The line at which it begins, from 1. */
  readonly line: number
  /** Which document of the file it is, from 1. */
  readonly number: number
}

function readJson(file: string, text: string): ManifestDocument | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    const place = placeOf({ file, line: 1, number: 1 })
    return isObject(value) ? { place, format: 'json', text, value } : undefined
  } catch {
    // A brace also begins YAML in flow style, which is read as YAML and reported as such.
    return undefined
  }
}

function readYaml(text: string, piece: Piece): ManifestDocument {
  const document = parseDocument(text, { merge: true })
  const error = document.errors[0]
  if (error !== undefined) {
    const line = piece.line + (error.linePos?.[0].line ?? 1) - 1
    throw broken({ ...piece, line }, error.message.split(/ at line \d+/)[0] ?? '')
  }
  const value = toValue(document, piece)
  return { place: placeOf(piece), format: 'yaml', text, value }
}

function toValue(document: ReturnType<typeof parseDocument>, piece: Piece): JsonObject | undefined {
  try {
    const value: unknown = document.toJS()
    if (value === null || value === undefined) return undefined
    if (isObject(value)) return value
  } catch (error) {
    // Aliases that unfold without bounds, or that name nothing.
    throw broken(piece, error instanceof Error ? error.message : String(error))
  }
  throw broken(piece, 'expected an object with apiVersion and kind')
}

/** A line that begins with `---` begins a document, whatever stands before it (YAML 1.2.2 §9.1.2). */
function splitDocuments(text: string): readonly string[] {
  return text.split(/^(?=---(?:\s|$))/m).filter((piece) => piece !== '')
}

function broken(piece: Piece, problem: string): AppError {
  return new AppError('ERR_MANIFEST', `${placeOf(piece)}: ${problem}`)
}

function placeOf({ file, line, number }: Piece): string {
  return `${file}:${line} (document ${number})`
}
