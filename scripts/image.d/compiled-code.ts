/** Our compiled code of an image: its own folder, and of the other folders what that imports. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { isBuiltin } from 'node:module'

/** The code of an image. */
export interface CompiledCode {
  /** Files, relative to the folder of the compiled code, sorted. */
  readonly files: readonly string[]
  /** The npm packages that they import, sorted. */
  readonly packages: readonly string[]
}

/** Which code an image holds. */
export interface CodeSelection {
  /** The folder of the compiled code that is taken whole. */
  readonly folder: string
  /** Files that are imported only where the image does not run. */
  readonly without?: readonly string[]
}

/**
 * All JavaScript below a folder of `dist` and everything that it imports, directly or not. The folder
 * is taken whole because child processes and workers are started by path, not by import.
 * @throws Error when an imported file does not exist.
 */
export function codeFrom(dist: string, { folder, without = [] }: CodeSelection): CompiledCode {
  const files = new Set<string>()
  const packages = new Set<string>()
  const pending = globSync(`${folder}/**/*.js`, { cwd: dist })
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file) || without.includes(file)) continue
    files.add(file)
    for (const specifier of importsOf(read(dist, file))) {
      if (specifier.startsWith('.')) pending.push(normalize(join(dirname(file), specifier)))
      else if (!isBuiltin(specifier)) packages.add(packageOf(specifier))
    }
  }
  return { files: [...files].sort(), packages: [...packages].sort() }
}

/**
 * The specifiers of a compiled module: `import … from`, `export … from`, `import()`, and the calls
 * `require()` and `createRequire(…)()`, with a literal.
 */
export function importsOf(source: string): string[] {
  const code = source.replace(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '')
  const found = code.matchAll(
    /(?:\bfrom|\bimport|\b(?:import|require)\s*\(|createRequire\([^)]*\)\()\s*(['"])([^'"\n]+)\1/g,
  )
  return [...new Set([...found].map((match) => match[2] ?? ''))]
}

/** `@scope/name/path` → `@scope/name`, `name/path` → `name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function read(dist: string, file: string): string {
  const path = join(dist, file)
  if (!existsSync(path)) throw new Error(`${path} is imported but was not compiled`)
  return readFileSync(path, 'utf8')
}
