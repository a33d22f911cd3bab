/**
 * The sidecar's process. It ends with one of EXIT_CODES: on SIGTERM, on SIGINT and after
 * DURATION with `ok`, so that the Job it belongs to is not said to have failed; it never ends because of a sensor or an interface.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError, messageOf } from '../lib/errors.ts'
import { createLogger, type Logger } from '../lib/logger.ts'
import type { SidecarConfig } from './config.ts'
import { EXIT_CODES, SERVICE_ACCOUNT_PATH } from './contract.ts'
import { controlMirror, type MirrorControl } from './control-mirror.ts'
import { obeySignals } from './control-signals.ts'
import { checkFilter } from './engine/libpcap.ts'
import { releaseProgramRegularly } from './engine/release-program.ts'
import { findDefaultDevice } from './interfaces/system-interfaces.ts'
import { runUntil } from './mirror.ts'
import {
  keepConfiguration,
  readConfiguration,
  type ReadConfiguration,
} from './read-configuration.ts'
import { runMirror, type RunningMirror } from './run-mirror.ts'

const { env } = process

async function main(): Promise<void> {
  // From the first moment on: as process 1 of a container it would otherwise ignore these signals.
  const stopped = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopped.abort()
    })
  }
  const controlled: { by?: MirrorControl } = {}
  obeySignals(() => controlled.by)
  const read = await readConfig()
  const log = createLogger('sidecar', read.config.logLevel)
  exitOnError(log)
  await keepConfiguration(read, log)
  const mirror = await start(read.config, log)
  controlled.by = controlMirror({ running: mirror, known: read, readAgain, log })
  releaseProgramRegularly()
  const counters = await runUntil(mirror, stopped.signal, read.config.durationMs)
  log.info(counters, stopped.signal.aborted ? 'mirroring ended' : 'mirroring ended after DURATION')
  process.exit(EXIT_CODES.ok)
}

function readAgain(path?: string): Promise<ReadConfiguration> {
  const checks = {
    ownNamespace: readOwnNamespace(),
    checkFilter,
    defaultDevice: findDefaultDevice,
  }
  return readConfiguration(env, checks, path)
}

async function readConfig(): Promise<ReadConfiguration> {
  try {
    return await readAgain()
  } catch (error) {
    return fail(createLogger('sidecar', 'info'), error)
  }
}

async function start(config: SidecarConfig, log: Logger): Promise<RunningMirror> {
  const serviceAccount = {
    directory: SERVICE_ACCOUNT_PATH,
    host: env.KUBERNETES_SERVICE_HOST,
    port: env.KUBERNETES_SERVICE_PORT,
  }
  const surroundings = { serviceAccount, log, patient: true }
  return runMirror(config, surroundings).catch((error: unknown) => fail(log, error))
}

/** Undefined outside a pod, and in a pod without a service account's volume. */
function readOwnNamespace(): string | undefined {
  try {
    return readFileSync(join(SERVICE_ACCOUNT_PATH, 'namespace'), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

function exitOnError(log: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error, event }, 'podtap has failed: please report this')
      process.exit(EXIT_CODES.software)
    })
  }
}

function fail(log: Logger, error: unknown): never {
  if (!(error instanceof AppError)) throw error
  log.fatal({ code: error.code }, messageOf(error))
  process.exit(error.code === 'ERR_NATIVE_LIBRARY' ? EXIT_CODES.engine : EXIT_CODES.config)
}

await main()
