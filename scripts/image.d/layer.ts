/** Layers of an image: compressed archives, kept by the content that they were made from. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { contentOf, tarOf } from './tar.ts'
import { sortedEntries, type Entry, type Tree } from './tree.ts'

/** What goes into a layer. `title` tells a person what it is and stands in the image's history. */
export interface LayerSource {
  readonly title: string
  readonly tree: Tree
}

/** A finished layer. */
export interface Layer {
  readonly title: string
  /** The file that holds it: tar, compressed by gzip. */
  readonly file: string
  /** `sha256:…` of that file. */
  readonly digest: string
  /** `sha256:…` of the archive before compression. */
  readonly diffId: string
  /** Size of the file in bytes. */
  readonly size: number
}

/** Where and how layers are made. */
export interface LayerOptions {
  readonly cache: string
  /** Modification time of all files, in seconds. */
  readonly epoch: number
  readonly say: (message: string) => void
}

/** Changes when the bytes made from a tree would: part of the key of every cached layer. */
const FORMAT = 1

/** Makes the layer of `source`, or finds it in the cache. */
export async function buildLayer(source: LayerSource, options: LayerOptions): Promise<Layer> {
  const file = join(options.cache, `${keyOf(source.tree, options.epoch)}.tar.gz`)
  const facts = `${file}.json`
  if (!existsSync(facts)) await writeLayer(source, { ...options, file, facts })
  const known = JSON.parse(readFileSync(facts, 'utf8')) as Omit<Layer, 'file' | 'title'>
  return { ...known, file, title: source.title }
}

/** `sha256:…` of `bytes`. */
export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

async function writeLayer(
  source: LayerSource,
  options: LayerOptions & { readonly file: string; readonly facts: string },
): Promise<void> {
  const tar = Buffer.concat([...tarOf(source.tree, options.epoch)])
  options.say(`packing ${source.title} (${Math.ceil(tar.length / 1e6)} MB)`)
  const packed = await promisify(gzip)(tar)
  mkdirSync(options.cache, { recursive: true })
  writeWhole(options.file, packed)
  const facts = { digest: digestOf(packed), diffId: digestOf(tar), size: packed.length }
  // The facts come last: where they are, the layer is complete.
  writeWhole(options.facts, JSON.stringify(facts))
}

/** Writes a file that is there either whole or not at all. */
export function writeWhole(path: string, content: Buffer | string): void {
  const partial = `${path}.${process.pid}`
  writeFileSync(partial, content)
  renameSync(partial, path)
}

function keyOf(tree: Tree, epoch: number): string {
  // The version of Node.js stands for its zlib, whose output may change.
  const hash = createHash('sha256').update(JSON.stringify([FORMAT, epoch, process.version]))
  for (const [path, entry] of sortedEntries(tree))
    hash.update(JSON.stringify([path, factsOf(entry)]))
  return hash.digest('hex')
}

function factsOf(entry: Entry): unknown {
  if (entry.type !== 'file') return entry
  const { mode, capability } = entry
  return { mode, capability: capability?.toString('hex'), content: contentDigest(entry) }
}

const digests = new Map<string, string>()

/** The digest of a file's bytes; that of a file of this machine is computed once per run. */
function contentDigest(entry: Entry & { type: 'file' }): string {
  if (Buffer.isBuffer(entry.content)) return digestOf(entry.content)
  const known = digests.get(entry.content.path) ?? digestOf(contentOf(entry))
  digests.set(entry.content.path, known)
  return known
}
