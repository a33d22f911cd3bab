import { InvalidArgumentError, type Command } from 'commander'
import { AppError } from '../../lib/errors.ts'
import { execInPod } from '../../lib/kube/exec.ts'
import { TAP_COMMAND, TAP_SILENCE_SECONDS } from '../../sidecar/contract.ts'
import { addNamespaceOption, type NamespaceOptions } from '../cluster/cluster-options.ts'
import { readPod } from '../cluster/read-pod.ts'
import { withCluster } from '../cluster/open-cluster.ts'
import type { CliContext } from '../context.ts'
import { parseDuration } from '../duration.ts'
import { tapContainer } from '../tap/tap-container.ts'
import { openTapOutput, type TapOutput } from '../tap/tap-output.ts'
import { explainTapEnd, readTapWords } from '../tap/tap-words.ts'

/** The options as commander reads them. */
interface TapOptions extends NamespaceOptions {
  readonly filter?: string
  readonly write?: string
  readonly count?: number
  /** Seconds. */
  readonly duration?: number
  readonly interface?: string
}

/** Thrice in the time after which the tap takes its reader for gone. */
const HEARTBEAT_MS = (TAP_SILENCE_SECONDS * 1000) / 3

/** Adds `podtap tap`: the frames of a pod as a capture file. */
export function addTapCommand(program: Command, context: CliContext): void {
  const command = program
    .command('tap')
    .description('write the frames of a mirrored pod to a capture file, or to Wireshark')
    .argument('<pod>', 'a pod with the sidecar, or with one that was attached')
  addNamespaceOption(command)
    .option('-w, --write <file>', 'capture file to write; - is standard output (the default)')
    .option('--filter <expression>', 'only what this pcap-filter expression matches')
    .option('--count <frames>', 'end after so many frames', parseCount)
    .option('--duration <time>', 'end after this time, such as 30s or 10m', parseDuration)
    .option('--interface <name>', "interface to sniff (default: the sidecar's)")
    .addHelpText('after', HELP)
    .action((pod: string, options: TapOptions) => tap(pod, options, context))
}

const HELP = `
Frames come as the interface shows them, as tcpdump in the pod would write them (checksums of outgoing
frames may be left to a network card); what podtap itself sends is left out. The sensor's stream does
not change, but the tap works within the CPU and memory limits of the sidecar's container.
Rights: get pods, get and create pods/exec.

Example: podtap tap web-5d9c -n shop --filter 'tcp port 80' -w - | wireshark -k -i -`

async function tap(pod: string, options: TapOptions, context: CliContext): Promise<void> {
  const interrupted = context.interrupted()
  await withCluster(options, context, async ({ client, namespace = '' }) => {
    const container = tapContainer(await readPod(client, namespace, pod))
    const output = await openTapOutput(options.write, context)
    const target = { namespace, pod, container, command: tapCommand(options) }
    const stderr: string[] = []
    context.report(`tapping ${namespace}/${pod} through its container ${container}`)
    try {
      const code = await execInPod(client, target, {
        onOutput: (bytes) => output.write(bytes),
        onError: (bytes) => stderr.push(bytes.toString('utf8')),
        signal: interrupted,
        heartbeatMs: HEARTBEAT_MS,
      })
      summarize(code, stderr.join(''), context)
    } finally {
      await closeQuietly(output)
    }
  })
}

/** @throws AppError ERR_CAPTURE where the tap failed. */
function summarize(code: number, said: string, context: CliContext): void {
  if (code !== 0) throw new AppError('ERR_CAPTURE', explainTapEnd(code, said))
  const { frames, dropped = 0 } = readTapWords(said)
  if (frames !== undefined)
    context.report(`${frames} frames written, ${dropped} lost for want of room`)
}

/** Whatever went wrong with it was said when it was written to. */
async function closeQuietly(output: TapOutput): Promise<void> {
  await output.close().catch(() => undefined)
}

function tapCommand({ filter, count, duration, interface: name }: TapOptions): string[] {
  const given = { interface: name, filter, count, seconds: duration }
  const options = Object.entries(given).flatMap(([option, value]) => {
    return value === undefined ? [] : [`--${option}=${value}`]
  })
  return [...TAP_COMMAND, ...options]
}

function parseCount(raw: string): number {
  if (/^[1-9]\d{0,5}$/.test(raw)) return Number(raw)
  throw new InvalidArgumentError('expected a number of frames 1…999999')
}
