import { setTimeout as delay } from 'node:timers/promises'
import { InvalidArgumentError, type Command } from 'commander'
import type { KubeClient } from '../../lib/kube/client.ts'
import { listObjects } from '../../lib/kube/list.ts'
import { listPath } from '../../webhook/coverage/survey.ts'
import { addNamespaceOptions, type NamespaceOptions } from '../cluster/cluster-options.ts'
import { withCluster, type ClusterAccess } from '../cluster/open-cluster.ts'
import { seenPod, type SeenPod } from '../cluster/survey-cluster.ts'
import type { CliContext } from '../context.ts'
import {
  addOutputFormat,
  tableStyle,
  writeStructured,
  type OutputOptions,
} from '../output/output-format.ts'
import { readCounts } from '../sidecars/read-counts.ts'
import { ratesBetween, type Look, type PodRates } from '../top/rates.ts'
import { topLines } from '../top/top-lines.ts'

/** The options as commander reads them. */
interface TopOptions extends NamespaceOptions, OutputOptions {
  readonly once?: boolean
  /** Seconds. */
  readonly interval: number
}

/** A sidecar that takes longer than this is shown as such, and asked again at the next look. */
const COUNTS_BUDGET_MS = 1500

const PAGE_SIZE = 500

/** To the upper left corner, and from there on everything away (ECMA-48 §8.3.21, §8.3.39). */
const CLEAR = '\u001b[H\u001b[J'

/** Adds `podtap top`: the rates of now, again and again. */
export function addTopCommand(program: Command, context: CliContext): void {
  const command = program
    .command('top')
    .description('show what is mirrored and lost right now, the busiest pods first')
  addOutputFormat(addNamespaceOptions(command))
    .option('--once', 'look twice, an interval apart, show the rates and end')
    .option('--interval <seconds>', 'how often to look, 1…60', parseInterval, 2)
    .addHelpText('after', HELP)
    .action((options: TopOptions) => top(options, context))
}

const HELP = `
On a terminal the table is renewed until you interrupt it (Ctrl-C); elsewhere, and with --once, it is
written as it is. -o json and yaml mean --once.
Rights: list pods, get pods/proxy.

Example: podtap top -A --once`

async function top(options: TopOptions, context: CliContext): Promise<void> {
  const interrupted = context.interrupted()
  await withCluster(options, context, async (cluster) => {
    const single = options.once === true || ['json', 'yaml'].includes(options.output ?? '')
    let before = await look(cluster)
    while (await interval(options, interrupted)) {
      const now = await look(cluster)
      show(ratesBetween(before, now), options, context)
      if (single) return
      before = now
    }
  })
}

/** Waits; false: interrupted. */
async function interval({ interval: seconds }: TopOptions, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(seconds * 1000, undefined, { signal })
    return true
  } catch {
    // Only the signal ends the wait before its time.
    return false
  }
}

function show(rates: readonly PodRates[], options: TopOptions, context: CliContext): void {
  if (writeStructured(rates, options, context)) return
  const { isTerminal, rows } = context.terminal()
  const live = isTerminal && options.once !== true
  const lines = topLines(rates, tableStyle(options, context), live ? rows : undefined)
  // In one piece, so that nobody sees half a table.
  context.write(`${live ? CLEAR : ''}${lines.join('\n')}\n`)
}

/** Pods come and go, so they are listed anew each time: two requests for a thousand. */
async function look({ client, namespace }: ClusterAccess): Promise<Look> {
  const pods = await runningPods(client, namespace)
  const addresses = pods.map(({ namespace: place, name, sidecar: { metricsPort } }) => {
    return { namespace: place, pod: name, metricsPort }
  })
  const read = await readCounts(client, addresses, { budgetMs: COUNTS_BUDGET_MS })
  return new Map(
    pods.flatMap((pod, index) => {
      const answer = read[index]
      return answer === undefined ? [] : [[`${pod.namespace}/${pod.name}`, { pod, read: answer }]]
    }),
  )
}

async function runningPods(
  client: KubeClient,
  namespace: string | undefined,
): Promise<readonly SeenPod[]> {
  const fieldSelector = 'status.phase=Running'
  const target = { path: listPath('v1', 'pods', namespace), fieldSelector, select: seenPod }
  const { items } = await listObjects(client, target, { pageSize: PAGE_SIZE })
  return [...items.values()].filter(({ sidecar }) => sidecar.startedAt !== undefined)
}

function parseInterval(raw: string): number {
  const seconds = Number(raw)
  if (seconds >= 1 && seconds <= 60) return seconds
  throw new InvalidArgumentError('expected seconds, 1…60.')
}
