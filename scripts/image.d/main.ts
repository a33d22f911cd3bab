/** What scripts/image runs once everything that it needs is there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildArchive, stripper, writeFiles, type Built } from './build.ts'
import { RECIPES, type Materials } from './images.ts'
import type { Lockfile } from './node-packages.ts'

const ROOT = join(import.meta.dirname, '../..')
const CACHE = join(ROOT, 'build/cache')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { files: { type: 'string' } },
})
const names = positionals.length > 0 ? positionals : Object.keys(RECIPES)
const recipes = names.map((name) => ({ name, ...recipeOf(name) }))
const materials: Materials = {
  root: ROOT,
  node: process.execPath,
  stripped: stripper(CACHE),
  lockfile: readJson('package-lock.json') as Lockfile,
  package: readJson('package.json') as Materials['package'],
}
if (values.files === undefined) await buildArchives()
else for (const recipe of recipes) writeFiles(recipe, materials, join(values.files, recipe.name))

async function buildArchives(): Promise<void> {
  const options = { cache: CACHE, epoch: epoch(), directory: join(ROOT, 'build/images'), say }
  const built: Built[] = []
  for (const recipe of recipes) built.push(await buildArchive(recipe, materials, options))
  printTable(built)
}

function recipeOf(name: string): (typeof RECIPES)[string] {
  const recipe = RECIPES[name]
  if (recipe !== undefined) return recipe
  say(`unknown image "${name}": expected ${Object.keys(RECIPES).join(', ')}`)
  process.exit(2)
}

function epoch(): number {
  const raw = process.env.SOURCE_DATE_EPOCH ?? '0'
  if (/^\d{1,10}$/.test(raw)) return Number(raw)
  say(`SOURCE_DATE_EPOCH: expected seconds since 1970, received "${raw}"`)
  process.exit(2)
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'))
}

function printTable(built: readonly Built[]): void {
  for (const { names, digest, size, file } of built) {
    const megabytes = (size / 1e6).toFixed(1).padStart(5)
    const path = file.slice(ROOT.length + 1).padEnd(24)
    console.log(`${path} ${megabytes} MB  ${names[0]?.padEnd(32)} ${digest}`)
  }
}

function say(message: string): void {
  console.error(`podtap: ${message}`)
}
