import { AppError, messageOf } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { planReload, type Changes, type KnownConfig } from './plan-reload.ts'
import type { ReadConfiguration } from './read-configuration.ts'
import type { RunningMirror } from './run-mirror.ts'

/** What is controlled, and what it runs by. */
export interface Controlled {
  readonly running: Pick<RunningMirror, 'reconfigure' | 'debug'>
  readonly known: KnownConfig
  /** Reads the configuration file again; undefined: there is none. */
  readonly readAgain: ((path: string) => Promise<ReadConfiguration>) | undefined
  readonly log: Logger
}

/** What signals ask of a running mirror. */
export interface MirrorControl {
  /** SIGHUP: takes what may change from the configuration file. Never rejects; what fails is a line. */
  reload(): Promise<void>
  /** SIGUSR1 and SIGUSR2: one debug level up or down. */
  stepDebugLevel(by: 1 | -1): void
}

/** Controls a mirror; reloads follow one another. */
export function controlMirror(parts: Controlled): MirrorControl {
  let { known } = parts
  let turn = Promise.resolve()
  const reload = async (): Promise<void> => {
    known = await reloadOnce({ ...parts, known })
  }
  return {
    reload: () => (turn = turn.then(reload)),
    stepDebugLevel: (by) => {
      parts.running.debug.step(by)
    },
  }
}

/** Returns what the mirror runs by from now on. */
async function reloadOnce(parts: Controlled): Promise<KnownConfig> {
  const { known, readAgain, running, log } = parts
  const path = known.config.host.configFile ?? known.config.host.configPath
  if (path === undefined || readAgain === undefined) {
    log.warn('nothing is reloaded: CONFIG_FILE names no file')
    return known
  }
  try {
    const read = await readAgain(path)
    const plan = planReload(known, read)
    noteWithoutEffect(read.overridden, plan.fixed, log)
    await running.reconfigure(plan.changes)
    log.info({ path, changed: namesOf(plan.changes) }, 'configuration reloaded')
    return { config: plan.config, variables: read.variables }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    log.error({ code: error.code, reason: messageOf(error) }, 'configuration not reloaded')
    return known
  }
}

function noteWithoutEffect(
  overridden: readonly string[],
  fixed: readonly string[],
  log: Logger,
): void {
  if (overridden.length > 0) {
    log.warn({ variables: overridden }, 'without effect: the environment wins over the file')
  }
  if (fixed.length > 0) log.warn({ variables: fixed }, 'without effect: this needs a new pod')
}

function namesOf(changes: Changes): string[] {
  return Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [name]))
}
