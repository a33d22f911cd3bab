/** The options that inject, uninject and explain have in common, and what they mean. */
import { readFile } from 'node:fs/promises'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { loadConfig } from '../../lib/config.ts'
import { AppError, messageOf } from '../../lib/errors.ts'
import { SIDECAR_SCHEMA, sidecarSettings } from '../../webhook/admission/installation.ts'
import type { CliContext } from '../context.ts'
import {
  readManifests,
  type ManifestDocument,
  type ManifestFormat,
} from '../manifests/read-manifests.ts'
import type { Surroundings } from '../manifests/transform.ts'

/** The options as commander reads them. */
export interface ManifestOptions {
  readonly filename: readonly string[]
  readonly namespace: string
  readonly output?: ManifestFormat
  readonly namespaceAnnotations?: Readonly<Record<string, string>>
  readonly set?: Readonly<Record<string, string>>
}

/** Adds `-f`: which manifests. */
export function addFileOption(command: Command): Command {
  return command.requiredOption(
    '-f, --filename <file...>',
    'manifests to read; - is standard input',
  )
}

/** Adds `-o`: how they are written. */
export function addOutputOption(command: Command): Command {
  const option = new Option('-o, --output <format>', 'write all of them so (default: as they are)')
  return command.addOption(option.choices(['yaml', 'json']))
}

/**
 * Adds what the webhook would know of the cluster. `namespace` is the one of objects that do not name
 * one; undefined: the command sees to it.
 */
export function addSurroundingsOptions(command: Command, namespace?: string): Command {
  return command
    .option('-n, --namespace <name>', 'namespace of objects that do not name one', namespace)
    .option(
      '--namespace-annotations <key=value...>',
      'annotations of the namespaces; without any, and without a manifest of its own, a namespace ' +
        'counts as enabled',
      collectPairs,
    )
    .option(
      '--set <name=value>',
      'a setting of the webhook, such as VNI=7 (repeatable)',
      collectPairs,
    )
}

/**
 * Reads all documents of all files, in their order.
 * @throws AppError ERR_MANIFEST for the first one that cannot be read.
 */
export async function readDocuments(
  { filename }: Pick<ManifestOptions, 'filename'>,
  context: CliContext,
): Promise<readonly ManifestDocument[]> {
  const documents: ManifestDocument[] = []
  for (const file of filename) {
    const text = file === '-' ? await context.readInput() : await readText(file)
    documents.push(...readManifests(file === '-' ? 'standard input' : file, text))
  }
  return documents
}

/**
 * What the webhook would know.
 * @throws AppError ERR_CONFIG naming every bad or unknown setting.
 */
export function surroundingsOf(options: ManifestOptions): Surroundings {
  const settings = options.set ?? {}
  const unknown = Object.keys(settings).filter((name) => !(name in SIDECAR_SCHEMA))
  if (unknown.length > 0) {
    const known = Object.keys(SIDECAR_SCHEMA).join(', ')
    throw new AppError('ERR_CONFIG', `--set ${unknown.join(', ')}: expected one of ${known}`)
  }
  return {
    installation: {
      ownNamespace: 'podtap',
      sidecar: sidecarSettings(loadConfig(SIDECAR_SCHEMA, settings)),
    },
    defaultNamespace: options.namespace,
    namespaceAnnotations: options.namespaceAnnotations ?? {},
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new AppError('ERR_MANIFEST', `${file}: cannot be read: ${messageOf(error)}`)
  }
}

/**
 * Collects `key=value` arguments of an option that can be given several times.
 * @throws InvalidArgumentError for one that is not.
 */
export function collectPairs(
  raw: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(raw) ?? []
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError('expected key=value.')
  return { ...before, [key]: value }
}
