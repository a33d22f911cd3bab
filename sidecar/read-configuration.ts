/** Reads the configuration from a file and the environment, which wins, and writes what came of it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { configError, type Environment } from '../lib/config.ts'
import { errnoCodeOf, messageOf } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { effectiveVariables, loadSidecarConfig, type ConfigChecks } from './config.ts'
import { parseConfigFile, renderConfigFile } from './config-file.ts'
import type { KnownConfig } from './plan-reload.ts'
import { plainEnvironment, VENDOR_NAMES } from './vendor-names.ts'

/** A configuration, and what of the file had no effect. */
export interface ReadConfiguration extends KnownConfig {
  /** Variables to which the environment gives another value than the file. */
  readonly overridden: readonly string[]
}

/**
 * Reads `env` and the file at `path`; undefined: there is none.
 * @throws AppError ERR_CONFIG when the file cannot be read, and what loadSidecarConfig() throws.
 */
export async function readConfiguration(
  env: Environment,
  checks: ConfigChecks,
  path = env['CONFIG_FILE'],
): Promise<ReadConfiguration> {
  const file = path ? parseConfigFile(await readText(path), path) : {}
  const fromFile = plainEnvironment(file)
  if (fromFile.problems.length > 0) throw configError(fromFile.problems)
  const said = nonEmpty(plainEnvironment(env).env)
  const merged = { ...withoutVendorNames(fromFile.env), ...nonEmpty(env), ...said }
  const overridden = Object.keys(fromFile.env).filter((name) => {
    return said[name] !== undefined && said[name] !== fromFile.env[name]
  })
  const config = await loadSidecarConfig(merged, checks)
  return { config, variables: effectiveVariables(merged, checks.ownNamespace), overridden }
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

function withoutVendorNames(env: Environment): Environment {
  const names = new Set(VENDOR_NAMES.map(({ vendor }) => vendor))
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)))
}
