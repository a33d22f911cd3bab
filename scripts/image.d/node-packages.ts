/** The npm packages of an image: what the lockfile says is needed, without what never runs. */
import { globSync } from 'node:fs'
import { join, sep } from 'node:path'
import { addFile, type Tree } from './tree.ts'

/** The part of package-lock.json (lockfileVersion 3) that is read: directory → package. */
export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

/** One installed package. */
export interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Packages that others name as dependencies but only need while they are built or type-checked. */
const COMPILE_TIME = /^(nan|undici-types|@types\/.+|node-linux-.+)$/

/** Files that no program reads: documentation, types, sources of addons, maps. */
const IDLE_FILES =
  /(^|\/)\.|\.(md|markdown|map|[cm]?ts|c|cc|cpp|h|hh|inc|def|s|asm|gypi?|o|d|mk|sh|ya?ml|txt|html|ico)$|Makefile$/i

/** Licences stay with what they cover. */
const LICENCES = /(^|\/)(licen[cs]e|notice|copying)[^/]*$/i

/** Directories at the top of a package that only its authors use. */
const IDLE_DIRECTORIES =
  /^(test|tests|__tests__|specs|docs?|examples?|bench|benchmarks?|deps|website|musl_[^/]+)\/|^build\/Release\/obj\.target\//

/**
 * The directories (keys of the lockfile) of the packages `roots` and of all that they need, sorted.
 * `installed` tells whether a directory is on this machine: optional packages for other machines are not.
 * @throws Error when a package is not in the lockfile.
 */
export function packageClosure(
  lockfile: Lockfile,
  roots: readonly string[],
  installed: (directory: string) => boolean,
): string[] {
  const found = new Set<string>()
  const pending = roots.map((name): Needed => ({ name, by: '', optional: false }))
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const directory = directoryOf(lockfile, next, installed)
    if (directory === undefined || found.has(directory)) continue
    found.add(directory)
    pending.push(...neededBy(directory, lockfile.packages[directory] ?? {}))
  }
  return [...found].sort()
}

/** A package that is needed by the package in the directory `by`; '' is the project itself. */
interface Needed {
  readonly name: string
  readonly by: string
  readonly optional: boolean
}

function neededBy(by: string, { dependencies, optionalDependencies }: LockedPackage): Needed[] {
  const optional = Object.keys(optionalDependencies ?? {})
  const required = Object.keys(dependencies ?? {}).filter((name) => !optional.includes(name))
  return [
    ...required.map((name) => ({ name, by, optional: false })),
    ...optional.map((name) => ({ name, by, optional: true })),
  ].filter(({ name }) => !COMPILE_TIME.test(name))
}

/** Where a package is, or undefined for an optional one that is not on this machine. */
function directoryOf(
  lockfile: Lockfile,
  { name, by, optional }: Needed,
  installed: (directory: string) => boolean,
): string | undefined {
  const directory = resolve(lockfile, name, by)
  if (optional) return directory !== undefined && installed(directory) ? directory : undefined
  if (directory !== undefined) return directory
  throw new Error(`package "${name}", needed by "${by || 'podtap'}", is not in package-lock.json`)
}

/** Puts the files of `directories` (relative to `root`) that can matter when a program runs. */
export function addPackages(tree: Tree, directories: readonly string[], root: string): void {
  for (const directory of directories) {
    const source = join(root, directory)
    for (const file of filesOf(source)) {
      if (matters(file)) addFile(tree, join('app', directory, file), join(source, file))
    }
  }
}

/** Whether a file, named from its package's directory, can matter when a program runs. */
export function matters(file: string): boolean {
  if (IDLE_DIRECTORIES.test(file)) return false
  return LICENCES.test(file) || !IDLE_FILES.test(file)
}

function filesOf(directory: string): string[] {
  // Nested packages are packages of their own in the lockfile.
  return globSync('**', { cwd: directory, withFileTypes: true, exclude: ['node_modules'] })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .map((file) => file.split(sep).join('/'))
}

/** As Node.js looks for `name` from a package at `from`: its own node_modules, then those above. */
function resolve(lockfile: Lockfile, name: string, from: string): string | undefined {
  for (let base = from; ; base = parentOf(base)) {
    const candidate = `${base === '' ? '' : `${base}/`}node_modules/${name}`
    if (candidate in lockfile.packages) return candidate
    if (base === '') return undefined
  }
}

function parentOf(directory: string): string {
  return directory.slice(0, Math.max(0, directory.lastIndexOf('node_modules/') - 1))
}
