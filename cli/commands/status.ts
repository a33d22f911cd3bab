import type { Command } from 'commander'
import type { KubeClient } from '../../lib/kube/client.ts'
import { addNamespaceOptions, type NamespaceOptions } from '../cluster/cluster-options.ts'
import { withCluster } from '../cluster/open-cluster.ts'
import { surveyCluster, type SeenPod } from '../cluster/survey-cluster.ts'
import type { CliContext } from '../context.ts'
import { currentInstallation } from '../installation/current-installation.ts'
import {
  addOutputFormat,
  tableStyle,
  writeStructured,
  type OutputOptions,
} from '../output/output-format.ts'
import { readCounts, type CountsRead } from '../sidecars/read-counts.ts'
import { statusLines } from '../status/status-lines.ts'
import { statusReport } from '../status/status-report.ts'

/** How long the command may take once it runs, in milliseconds: with Node.js's start it stays below 3 s. */
const ANSWER_MS = 1700

/**
 * How long the sidecars may take to say their counts, in milliseconds: what the survey of the cluster
 * left, so that whoever has a thousand on a busy machine waits no longer; those that it does not reach
 * are said to be not read.
 */
const COUNTS_BUDGET_MS = { least: 500, most: 1500 }

/** The options as commander reads them. */
interface StatusOptions extends NamespaceOptions, OutputOptions {
  readonly counts: boolean
}

/** Adds `podtap status`: what is mirrored, what is not and why, where it goes, and what is lost. */
export function addStatusCommand(program: Command, context: CliContext): void {
  const command = program
    .command('status')
    .description(
      'show which pods are mirrored, to which sensor, with what loss, and why others are not',
    )
  addOutputFormat(addNamespaceOptions(command))
    .option('--no-counts', 'do not ask the sidecars for their frames')
    .addHelpText('after', HELP)
    .action((options: StatusOptions) => status(options, context))
}

const HELP = `
States: mirrored; missed (made without the sidecar), stale (its sidecar is not as set now), unwanted
(it has one that it should not have): a restart mends these three; refused: left out for a reason.
FRAMES/S and LOSS are averages since each sidecar started, from one look at its counters through the
API server (at most 1.5 s for all of them); podtap top shows the rates of now.

Rights: list namespaces, pods and the workloads of apps and batch; get pods/proxy for the counts.
Example: podtap status -n shop -o wide`

async function status(options: StatusOptions, context: CliContext): Promise<void> {
  const startedAt = performance.now()
  const report = await withCluster(options, context, async ({ client, namespace }) => {
    const installation = await currentInstallation(client)
    const { namespaces, pods } = await surveyCluster(client, installation, namespace)
    const budgetMs = countsBudget(performance.now() - startedAt)
    const counts = options.counts
      ? await countsOf(client, pods, budgetMs)
      : new Map<string, CountsRead>()
    return statusReport({ namespaces, pods, counts })
  })
  if (writeStructured(report, options, context)) return
  for (const line of statusLines(report, tableStyle(options, context))) context.print(line)
}

/** In tenths of a second, as it is told to people. */
function countsBudget(spentMs: number): number {
  const left = Math.round((ANSWER_MS - spentMs) / 100) * 100
  return Math.max(COUNTS_BUDGET_MS.least, Math.min(COUNTS_BUDGET_MS.most, left))
}

async function countsOf(
  client: KubeClient,
  pods: ReadonlyMap<string, SeenPod>,
  budgetMs: number,
): Promise<ReadonlyMap<string, CountsRead>> {
  const running = [...pods].filter(([, { sidecar }]) => sidecar.startedAt !== undefined)
  const addresses = running.map(([, { namespace, name, sidecar }]) => {
    return { namespace, pod: name, metricsPort: sidecar.metricsPort }
  })
  const read = await readCounts(client, addresses, { budgetMs })
  return new Map(running.flatMap(([key], index) => (read[index] ? [[key, read[index]]] : [])))
}
