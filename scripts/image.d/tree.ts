/**
 * A part of a file system in memory: what a layer of an image holds. Owners and times are not kept:
 * in an image all belongs to root and is as old as SOURCE_DATE_EPOCH, so that digests depend on
 * content alone.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A regular file, its bytes in memory or in a file of this machine. */
export interface FileEntry {
  readonly type: 'file'
  readonly mode: number
  readonly content: Buffer | { readonly path: string }
  /** The value of the extended attribute security.capability. */
  readonly capability?: Buffer
}

/** A directory. */
export interface DirectoryEntry {
  readonly type: 'directory'
  readonly mode: number
}

/** A symbolic link. */
export interface LinkEntry {
  readonly type: 'link'
  readonly target: string
}

/** What stands at one path. */
export type Entry = FileEntry | DirectoryEntry | LinkEntry

/** Path without leading or trailing slash → entry. */
export type Tree = Map<string, Entry>

/** Puts text at `path`. */
export function addText(tree: Tree, path: string, text: string): void {
  tree.set(path, { type: 'file', mode: 0o644, content: Buffer.from(text) })
}

/** Puts a file of this machine at `path`: executable for all or for none, as its owner has it. */
export function addFile(tree: Tree, path: string, source: string): void {
  const real = realpathSync(source)
  const mode = statSync(real).mode & 0o100 ? 0o755 : 0o644
  tree.set(path, { type: 'file', mode, content: { path: real } })
}

/** Puts every file below the directory `source` at `path`, links resolved. */
export function addDirectory(tree: Tree, path: string, source: string): void {
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (!entry.isDirectory()) addFile(tree, join(path, file.slice(source.length + 1)), file)
  }
}

/** Makes a symbolic link. */
export function addLink(tree: Tree, path: string, target: string): void {
  tree.set(path, { type: 'link', target })
}

/**
 * The entries in the order of their paths, each after the directories that lead to it; those that
 * nobody added are 0755.
 */
export function sortedEntries(tree: Tree): [string, Entry][] {
  const complete: Tree = new Map(tree)
  for (const path of tree.keys()) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      if (!complete.has(parent)) complete.set(parent, { type: 'directory', mode: 0o755 })
    }
  }
  // Plain code unit order: a parent is a prefix of its children and so comes first.
  return [...complete].sort(([a], [b]) => (a < b ? -1 : 1))
}
