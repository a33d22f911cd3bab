import type { Command } from 'commander'
import { createLogger, type Logger } from '../../lib/logger.ts'
import type { SidecarConfig } from '../../sidecar/config.ts'
import {
  DEFAULT_METRICS_PORT,
  ENGINES,
  FITS,
  RECEIVER_SETTINGS,
  SERVICE_ACCOUNT_PATH,
  SPREADS,
} from '../../sidecar/contract.ts'
import { controlMirror, type MirrorControl } from '../../sidecar/control-mirror.ts'
import { CONTROL_SIGNALS, obeySignals } from '../../sidecar/control-signals.ts'
import { runUntil } from '../../sidecar/mirror.ts'
import { keepConfiguration, type ReadConfiguration } from '../../sidecar/read-configuration.ts'
import { runMirror } from '../../sidecar/run-mirror.ts'
import type { CliContext } from '../context.ts'
import { summarize } from '../counter-summary.ts'
import {
  readMirrorFile,
  readMirrorOptions,
  type MirrorOptions,
} from '../mirror/read-mirror-settings.ts'
import { createReadableLog } from '../readable-log.ts'
import { mirrorCaptureFile, type CaptureFileOptions } from './mirror-capture-file.ts'

/** Either those of a live mirror or those of a capture file. */
type CommandOptions = MirrorOptions & CaptureFileOptions

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
    .option(
      '--metrics-port <number>',
      `serve /metrics and /readyz on this TCP port (default: off; with --config ${DEFAULT_METRICS_PORT})`,
    )
    .option(
      '--config <file>',
      'read settings from this JSON file, and again at SIGHUP; environment and options win (see docs/host.md)',
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
      return isFile ? mirrorCaptureFile(options, context) : mirror(options, context)
    })
}

async function mirror(options: MirrorOptions, context: CliContext): Promise<void> {
  const hasFile = options.config !== undefined
  const controlled: { by?: MirrorControl } = {}
  // Without a file to reload, SIGHUP ends it: the terminal is gone.
  obeySignals(() => controlled.by, hasFile ? CONTROL_SIGNALS : ['SIGUSR1', 'SIGUSR2'])
  const readAgain = (): Promise<ReadConfiguration> => {
    return hasFile ? readMirrorFile(options, context.environment) : readMirrorOptions(options)
  }
  const known = await readAgain()
  const log = createLog(options, known.config, context)
  await keepConfiguration(known, log)
  const interrupted = context.interrupted()
  const surroundings = { serviceAccount: NO_SERVICE_ACCOUNT, log, patient: false }
  const running = await runMirror(known.config, surroundings)
  controlled.by = controlMirror({ running, known, readAgain, log })
  context.print(summarize(await runUntil(running, interrupted, known.config.durationMs)))
}

function createLog(options: MirrorOptions, config: SidecarConfig, context: CliContext): Logger {
  if (options.logLevel !== undefined) return createLogger('mirror', config.logLevel)
  return createReadableLog((line) => {
    context.print(line)
  })
}
