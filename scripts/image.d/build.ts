/** Makes images from recipes: archives in build/images, or their files in a directory. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { archiveOf, describeImage, namesOf, type Image } from './archive.ts'
import type { Materials, Recipe } from './images.ts'
import { buildLayer, digestOf, writeWhole, type LayerOptions } from './layer.ts'
import { contentOf } from './tar.ts'
import { sortedEntries } from './tree.ts'

/** An image that was made. */
export interface Built {
  /** Names with tags, the most exact tag first. */
  readonly names: readonly string[]
  /** `sha256:…` of the manifest. */
  readonly digest: string
  /** Size of the archive in bytes. */
  readonly size: number
  readonly file: string
}

/** A recipe and the name of its image, without the repository's. */
export interface NamedRecipe extends Recipe {
  readonly name: string
}

/** The tags of `version` (MAJOR.MINOR.PATCH): itself, MAJOR and latest. */
export function tagsOf(version: string): string[] {
  return [version, version.split('.')[0] ?? version, 'latest']
}

/** Makes `directory`/NAME.tar, unless it is there and the same. */
export async function buildArchive(
  recipe: NamedRecipe,
  materials: Materials,
  options: LayerOptions & { readonly directory: string },
): Promise<Built> {
  const layers = await Promise.all(
    recipe.layers(materials).map((source) => buildLayer(source, options)),
  )
  const image = imageOf(recipe, materials, { layers, epoch: options.epoch })
  const file = join(options.directory, `${recipe.name}.tar`)
  const digest = describeImage(image).manifest.descriptor.digest
  const names = namesOf(image)
  const identity = digestOf(JSON.stringify([digest, names]))
  const known = join(options.cache, `${recipe.name}.archive`)
  if (!existsSync(file) || !existsSync(known) || readFileSync(known, 'utf8') !== identity) {
    writeChunks(file, archiveOf(image))
    writeWhole(known, identity)
  }
  return { names, digest, size: statSync(file).size, file }
}

/**
 * Writes the files of an image below `directory`; the capability of a program is left out.
 * @throws Error EEXIST when `directory` holds files of an earlier call.
 */
export function writeFiles(recipe: Recipe, materials: Materials, directory: string): void {
  for (const { tree } of recipe.layers(materials)) {
    for (const [path, entry] of sortedEntries(tree)) {
      const target = join(directory, path)
      mkdirSync(dirname(target), { recursive: true })
      if (entry.type === 'link') symlinkSync(entry.target, target)
      else if (entry.type === 'directory') mkdirSync(target, { recursive: true })
      else writeFileSync(target, contentOf(entry))
      if (entry.type !== 'link') chmodSync(target, entry.mode)
    }
  }
}

/** A function that copies a file without its debugging symbols, once for each content. */
export function stripper(cache: string): (path: string) => string {
  const copies = new Map<string, string>()
  return (path) => {
    const copy = copies.get(path) ?? strip(path, cache)
    copies.set(path, copy)
    return copy
  }
}

function strip(path: string, cache: string): string {
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex')
  const copy = join(cache, `${hash}.stripped`)
  if (existsSync(copy)) return copy
  mkdirSync(cache, { recursive: true })
  // The build id is a hash over everything, also over the paths that are stripped.
  const partial = `${copy}.${process.pid}`
  execFileSync('strip', ['--remove-section=.note.gnu.build-id', '-o', partial, path])
  renameSync(partial, copy)
  return copy
}

function imageOf(
  recipe: NamedRecipe,
  materials: Materials,
  made: Pick<Image, 'layers' | 'epoch'>,
): Image {
  const { version, license } = materials.package
  const labels = {
    ...recipe.config.Labels,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': license,
  }
  return {
    repository: `docker.io/podtap/${recipe.name}`,
    tags: tagsOf(version),
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    config: { ...recipe.config, Labels: labels },
    ...made,
  }
}

function writeChunks(file: string, chunks: Iterable<Buffer>): void {
  mkdirSync(dirname(file), { recursive: true })
  const partial = `${file}.${process.pid}`
  const descriptor = openSync(partial, 'w')
  for (const chunk of chunks) writeSync(descriptor, chunk)
  closeSync(descriptor)
  renameSync(partial, file)
}
