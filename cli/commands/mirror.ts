import type { Command } from 'commander'
import { configError, describeProblem, type Environment } from '../../lib/config.ts'
import { createLogger, type Logger } from '../../lib/logger.ts'
import { loadSidecarConfig, type SidecarConfig } from '../../sidecar/config.ts'
import {
  ENGINES,
  FITS,
  RECEIVER_SETTINGS,
  SERVICE_ACCOUNT_PATH,
  SPREADS,
} from '../../sidecar/contract.ts'
import { checkFilter } from '../../sidecar/engine/libpcap.ts'
import { findDefaultDevice } from '../../sidecar/interfaces/system-interfaces.ts'
import { runUntil } from '../../sidecar/mirror.ts'
import { readConfiguration } from '../../sidecar/read-configuration.ts'
import { runMirror } from '../../sidecar/run-mirror.ts'
import type { CliContext } from '../context.ts'
import { summarize } from '../counter-summary.ts'
import { createReadableLog } from '../readable-log.ts'
import { mirrorCaptureFile, type CaptureFileOptions } from './mirror-capture-file.ts'

/** The options as commander reads them. */
export interface MirrorOptions {
  readonly interface: string
  readonly sensor: string
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

/** Either those of a live mirror or those of a capture file. */
type CommandOptions = Partial<MirrorOptions> & CaptureFileOptions

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

/** There is no service account outside a pod; only the search for pods would need one. */
const NO_SERVICE_ACCOUNT = { directory: SERVICE_ACCOUNT_PATH, host: undefined, port: undefined }

/** Adds `podtap mirror`: the sidecar's mirror on any Linux host. */
export function addMirrorCommand(program: Command, context: CliContext): void {
  program
    .command('mirror')
    .description(
      'mirror the frames of an interface to a sensor until interrupted (needs CAP_NET_RAW)',
    )
    .option('--interface <name>', 'interface to sniff')
    .option('--sensor <address>', 'IP address or host name of the sensor')
    .option('--port <number>', 'UDP port of the sensor (default: 4789)')
    .option('--vni <number>', 'VXLAN network identifier, decimal or 0x-hex (default: 1)')
    .option('--filter <expression>', 'mirror only what this pcap-filter expression matches')
    .option('--engine <name>', `how frames are captured and sent: ${ENGINES.join(', ')}`)
    .option('--receiver <kind>', `how the sensor takes frames: ${RECEIVER_SETTINGS.join(', ')}`)
    .option('--fit <way>', `what to do with frames too long for the path: ${FITS.join(', ')}`)
    .option('--spread <unit>', `what goes to one address of several: ${SPREADS.join(', ')}`)
    .option('--metrics-port <number>', 'serve /metrics and /readyz on this TCP port (default: off)')
    .option(
      '--config <file>',
      'read settings from this JSON file; environment and options win (see docs/host.md)',
    )
    .option('--log-level <level>', 'log JSON lines of this level instead of readable ones')
    .option('--read <file>', 'mirror the frames of this pcap file instead of an interface')
    .option('--write <file>', 'write the datagrams to this pcap file instead of sending them')
    .option(
      '--mtu <bytes>',
      'longest IP packet in --write; longer frames are split (default: 1500)',
    )
    .option('--complete-checksums', 'complete the partial checksums of --read')
    .addHelpText(
      'after',
      '\nExample: podtap mirror --interface eth0 --sensor 192.0.2.30 --vni 42 --filter "not port 22"',
    )
    .action((options: CommandOptions) => {
      const isFile = options.read !== undefined || options.write !== undefined
      if (isFile) return mirrorCaptureFile(options, context)
      const live = options.config === undefined ? requireLive(options) : options
      return mirror(live, context)
    })
}

/**
 * The sidecar's configuration for `options`, checked by the sidecar's own rules.
 * @throws AppError ERR_CONFIG that names every bad option at once.
 */
export async function readMirrorOptions(options: MirrorOptions): Promise<SidecarConfig> {
  const config = await loadSidecarConfig(environmentOf(options), {
    // Never used, but it lets `pod:…` through to the message below.
    ownNamespace: 'default',
    checkFilter,
    nameOf: (variable) => OPTION_OF[variable] ?? variable,
  })
  return requireHost(config, options.sensor)
}

/**
 * The configuration by a file, the environment `env`, and options: each wins over those before it.
 * @throws AppError ERR_CONFIG that names everything that is wrong.
 */
export async function readMirrorFile(
  options: Partial<MirrorOptions>,
  env: Environment,
): Promise<SidecarConfig> {
  const said = Object.entries(variablesOf(options)).filter(([, value]) => value !== undefined)
  const variables = { ...env, ...Object.fromEntries(said), CONFIG_FILE: options.config }
  const checks = { ownNamespace: 'default', checkFilter, defaultDevice: findDefaultDevice }
  const { config } = await readConfiguration(variables, checks)
  return requireHost(config, env['SENSOR'] ?? options.sensor)
}

function requireHost(config: SidecarConfig, raw: string | undefined): SidecarConfig {
  if (config.sensor.kind !== 'pods') return config
  throw configError([describeProblem('--sensor', 'an IP address or a host name', raw)])
}

/** @throws AppError ERR_CONFIG when one of the two options is missing without which nothing is live. */
function requireLive(options: CommandOptions): MirrorOptions {
  const { interface: name = '', sensor = '' } = options
  const problems = [
    ...(name === '' ? [describeProblem('--interface', 'the name of an interface', name)] : []),
    ...(sensor === '' ? [describeProblem('--sensor', 'an IP address or a host name', sensor)] : []),
  ]
  if (problems.length > 0) throw configError(problems)
  return { ...options, interface: name, sensor }
}

async function mirror(
  options: MirrorOptions | Partial<MirrorOptions>,
  context: CliContext,
): Promise<void> {
  const config = isComplete(options)
    ? await readMirrorOptions(options)
    : await readMirrorFile(options, context.environment)
  const log = createLog(options, config, context)
  const interrupted = context.interrupted()
  const running = await runMirror(config, {
    serviceAccount: NO_SERVICE_ACCOUNT,
    log,
    patient: false,
  })
  context.print(summarize(await runUntil(running, interrupted, config.durationMs)))
}

function isComplete(options: Partial<MirrorOptions>): options is MirrorOptions {
  return options.config === undefined
}

function createLog(
  options: Partial<MirrorOptions>,
  config: SidecarConfig,
  context: CliContext,
): Logger {
  if (options.logLevel !== undefined) return createLogger('mirror', config.logLevel)
  return createReadableLog((line) => {
    context.print(line)
  })
}

function environmentOf(options: MirrorOptions): Environment {
  return { ...variablesOf(options), METRICS_PORT: options.metricsPort ?? '0' }
}

function variablesOf(options: Partial<MirrorOptions>): Environment {
  return {
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
}

/** A name without a dot is a host here, such as localhost; to the sidecar it is a label value. */
function asSensor(raw: string): string {
  const isPlain = !/[.:]/.test(raw) && raw !== ''
  return isPlain ? `host:${raw}` : raw
}
