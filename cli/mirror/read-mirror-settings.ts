/** The settings of `podtap mirror`: the sidecar's variables, by options, the environment and a file. */
import { resolve } from 'node:path'
import { configError, describeProblem, type Environment } from '../../lib/config.ts'
import { checkFilter } from '../../sidecar/engine/libpcap.ts'
import { findDefaultDevice } from '../../sidecar/interfaces/system-interfaces.ts'
import { readConfiguration, type ReadConfiguration } from '../../sidecar/read-configuration.ts'

/** The options as commander reads them; all but `config` stand for a variable. */
export interface MirrorOptions {
  readonly interface?: string
  readonly sensor?: string
  readonly port?: string
  readonly vni?: string
  readonly filter?: string
  readonly engine?: string
  readonly receiver?: string
  readonly fit?: string
  readonly spread?: string
  readonly metricsPort?: string
  readonly logLevel?: string
  readonly config?: string
}

/** The option that sets a variable of the sidecar. */
const OPTION_OF: Readonly<Record<string, string>> = {
  INTERFACE: '--interface',
  SENSOR: '--sensor',
  SENSOR_PORT: '--port',
  VNI: '--vni',
  BPF: '--filter',
  ENGINE: '--engine',
  RECEIVER: '--receiver',
  FIT: '--fit',
  SPREAD: '--spread',
  METRICS_PORT: '--metrics-port',
  LOG_LEVEL: '--log-level',
}

const EXPECTED_SENSOR = 'an IP address or a host name'

/** Never used, but it lets `pod:…` through to a message that fits. */
const NAMESPACE = 'default'

/**
 * The configuration by options alone, checked by the sidecar's own rules.
 * @throws AppError ERR_CONFIG that names every bad option at once.
 */
export async function readMirrorOptions(options: MirrorOptions): Promise<ReadConfiguration> {
  requireLive(options)
  const env = { ...variablesOf(options), METRICS_PORT: options.metricsPort ?? '0' }
  const nameOf = (variable: string): string => OPTION_OF[variable] ?? variable
  const read = await readConfiguration(env, { ownNamespace: NAMESPACE, checkFilter, nameOf })
  return requireHost(read, '--sensor', EXPECTED_SENSOR)
}

/**
 * The configuration by a file, the environment `env`, and options: each wins over those before it.
 * @throws AppError ERR_CONFIG that names everything that is wrong.
 */
export async function readMirrorFile(
  { config = '', ...options }: MirrorOptions,
  env: Environment,
): Promise<ReadConfiguration> {
  const variables = { ...env, ...variablesOf(options), CONFIG_FILE: resolve(config) }
  const checks = { ownNamespace: NAMESPACE, checkFilter, defaultDevice: findDefaultDevice }
  const expected = `${EXPECTED_SENSOR} (one without a dot as host:NAME)`
  return requireHost(await readConfiguration(variables, checks), 'SENSOR', expected)
}

/** There is no service account outside a pod, by which pods could be looked for. */
function requireHost(read: ReadConfiguration, name: string, expected: string): ReadConfiguration {
  if (read.config.sensor.kind !== 'pods') return read
  throw configError([describeProblem(name, expected, read.variables['SENSOR'])])
}

/** @throws AppError ERR_CONFIG when one of the two options is missing without which nothing is live. */
function requireLive({ interface: name = '', sensor = '' }: MirrorOptions): void {
  const problems = [
    ...(name === '' ? [describeProblem('--interface', 'the name of an interface', name)] : []),
    ...(sensor === '' ? [describeProblem('--sensor', EXPECTED_SENSOR, sensor)] : []),
  ]
  if (problems.length > 0) throw configError(problems)
}

/** The variables that options were given for. */
function variablesOf(options: MirrorOptions): Environment {
  const variables = {
    INTERFACE: options.interface,
    SENSOR: options.sensor === undefined ? undefined : asSensor(options.sensor),
    SENSOR_PORT: options.port,
    VNI: options.vni,
    BPF: options.filter,
    ENGINE: options.engine,
    RECEIVER: options.receiver,
    FIT: options.fit,
    SPREAD: options.spread,
    METRICS_PORT: options.metricsPort,
    LOG_LEVEL: options.logLevel,
  }
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))
}

/** A name without a dot is a host here, such as localhost; to the sidecar it is a label value. */
function asSensor(raw: string): string {
  const isPlain = !/[.:]/.test(raw) && raw !== ''
  return isPlain ? `host:${raw}` : raw
}
