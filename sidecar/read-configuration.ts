/** Reads the configuration from a file and the environment, which wins, and writes what came of it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { configError, type Environment } from '../lib/config.ts'
import { errnoCodeOf, messageOf } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import {
  effectiveVariables,
  loadSidecarConfig,
  namedInterfaces,
  type ConfigChecks,
} from './config.ts'
import { parseConfigFile, renderConfigFile } from './config-file.ts'
import type { KnownConfig } from './plan-reload.ts'
import { plainEnvironment, variableOf } from './vendor-names.ts'

/** A configuration, and what of the file had no effect. */
export interface ReadConfiguration extends KnownConfig {
  /** Variables to which the environment gives another value than the file. */
  readonly overridden: readonly string[]
}

/**
 * Reads `env` and the file at `path`; undefined: there is none. What `env` says, by whichever of its
 * names, hides the file's.
 * @throws AppError ERR_CONFIG when the file cannot be read, and what loadSidecarConfig() throws.
 */
export async function readConfiguration(
  env: Environment,
  checks: ConfigChecks,
  path = env['CONFIG_FILE'],
): Promise<ReadConfiguration> {
  const file = path ? parseConfigFile(await readText(path), path) : {}
  const said = new Set(Object.keys(nonEmpty(env)).map(variableOf))
  const unsaid = Object.entries(file).filter(([name]) => !said.has(variableOf(name)))
  const merged = { ...Object.fromEntries(unsaid), ...nonEmpty(env) }
  const config = await loadSidecarConfig(merged, checks)
  const variables = {
    ...effectiveVariables(merged, checks.ownNamespace),
    INTERFACE: namedInterfaces(config).join(' '),
  }
  return { config, variables, overridden: overriddenNames(file, env) }
}

/** By podtap's names, whichever each side uses. */
function overriddenNames(file: Environment, env: Environment): string[] {
  const inFile = plainEnvironment(nonEmpty(file)).env
  const inEnv = plainEnvironment(nonEmpty(env)).env
  const said = new Set(Object.keys(nonEmpty(env)).map(variableOf))
  const both = new Set(
    Object.keys(nonEmpty(file))
      .map(variableOf)
      .filter((name) => said.has(name)),
  )
  return [...both].filter((name) => inFile[name] !== inEnv[name])
}

/** Writes the configuration in force where CONFIG_PATH says; a file that was given is not written over. */
export async function keepConfiguration(
  { config, variables }: KnownConfig,
  log: Logger,
): Promise<void> {
  const { configPath, configFile } = config.host
  if (configPath === undefined || configPath === configFile) return
  await writeConfiguration(configPath, variables, log)
}

/** Writes `variables` to the file at `path`. Where that cannot be, a line says so and nothing else happens. */
export async function writeConfiguration(
  path: string,
  variables: Environment,
  log: Logger,
): Promise<void> {
  try {
    await makeFolder(dirname(path))
    await writeFile(path, renderConfigFile(variables), { mode: 0o640 })
    log.info({ path }, 'the configuration in force is written')
  } catch (error) {
    const reason = messageOf(error)
    log.info({ path, reason }, 'the configuration in force is not written: see CONFIG_PATH')
  }
}

/** One level only: what is missing above it is a mistake in the path. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (errnoCodeOf(error) !== 'EEXIST') throw error
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw configError([`CONFIG_FILE: expected a file that can be read: ${messageOf(error)}`])
  }
}

function nonEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value))
}
