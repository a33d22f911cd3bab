/** What scripts/image runs once everything that it needs is there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildArchive, stripper, writeFiles, type Built, type NamedRecipe } from './build.ts'
import { RECIPES, type Materials, type Recipe } from './images.ts'
import type { Lockfile } from './node-packages.ts'

const ROOT = join(import.meta.dirname, '../..')
const CACHE = join(ROOT, 'build/cache')

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { files: { type: 'string' } },
  })
  const names = positionals.length > 0 ? positionals : Object.keys(RECIPES)
  const recipes = names.map((name) => ({ name, ...recipeOf(name) }))
  if (values.files === undefined) printTable(await buildArchives(recipes))
  else
    for (const recipe of recipes) writeFiles(recipe, materials(), join(values.files, recipe.name))
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
}

async function buildArchives(recipes: readonly NamedRecipe[]): Promise<Built[]> {
  const options = { cache: CACHE, epoch: epoch(), directory: join(ROOT, 'build/images'), say }
  const shared = materials()
  const built: Built[] = []
  for (const recipe of recipes) built.push(await buildArchive(recipe, shared, options))
  return built
}

function materials(): Materials {
  return {
    root: ROOT,
    node: process.execPath,
    stripped: stripper(CACHE),
    lockfile: readJson('package-lock.json') as Lockfile,
    package: readJson('package.json') as Materials['package'],
  }
}

function recipeOf(name: string): Recipe {
  const recipe = RECIPES[name]
  if (recipe !== undefined) return recipe
  throw new Error(`unknown image "${name}": expected ${Object.keys(RECIPES).join(', ')}`)
}

function epoch(): number {
  const raw = process.env['SOURCE_DATE_EPOCH'] ?? '0'
  if (/^\d{1,10}$/.test(raw)) return Number(raw)
  throw new Error(`SOURCE_DATE_EPOCH: expected seconds since 1970, received "${raw}"`)
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
