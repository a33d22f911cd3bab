/** Files that come with the command: its version, and the manifests. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { isObject, textAt, type JsonObject } from '../webhook/admission/json.ts'

/** The version of this command: that of the package. */
export async function packageVersion(): Promise<string> {
  return textAt(JSON.parse(await readPackageFile('package.json')), 'version')
}

/** The text of a file of the package, by its path from the package's root. */
export async function readPackageFile(path: string): Promise<string> {
  return readFile(join(packageRoot(), path), 'utf8')
}

/** The objects of a manifest of the package. */
export async function readPackageManifest(path: string): Promise<readonly JsonObject[]> {
  const documents = parseAllDocuments(await readPackageFile(path))
  return documents.map((document) => document.toJS() as unknown).filter(isObject)
}

/** This file is run from where it is written and, compiled, from below dist/. */
function packageRoot(): string {
  let directory = import.meta.dirname
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)
  return directory
}
