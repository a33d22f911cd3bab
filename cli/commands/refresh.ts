import { InvalidArgumentError, type Command } from 'commander'
import { AppError } from '../../lib/errors.ts'
import { filterProblemOf } from '../../sidecar/engine/libpcap.ts'
import type { WorkloadCoverage } from '../../webhook/coverage/coverage.ts'
import { surveyCoverage } from '../../webhook/coverage/survey.ts'
import { addNamespaceOptions, type NamespaceOptions } from '../cluster/cluster-options.ts'
import { withCluster, type ClusterAccess } from '../cluster/open-cluster.ts'
import type { CliContext } from '../context.ts'
import { currentInstallation } from '../installation/current-installation.ts'
import { tableStyle } from '../output/output-format.ts'
import { renderTable, type Column } from '../output/table.ts'
import { planRefresh, referenceOf, type Step } from '../refresh/plan.ts'
import { refresh, type RefreshResult } from '../refresh/refresh.ts'
import { parseTarget, selectTargets, type Target } from '../refresh/targets.ts'

/** The options as commander reads them. */
interface RefreshCommandOptions extends NamespaceOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly timeout: number
}

const HELP = `
Restarts what "podtap status" shows as missed, stale or unwanted, as kubectl rollout restart does: one
workload at a time, waiting until all its pods are new and available, and only where its
PodDisruptionBudget permits what the rollout takes away. Without --yes nothing is changed.
Bare pods and Jobs are listed: they must be made anew by whoever made them.

Example:
  podtap refresh -n shop --yes

Exit status: 0 everything is as it should be (now), 1 something is not, 2 wrong use.
Rights: list namespaces, pods, workloads, poddisruptionbudgets; patch the workloads to restart.`

/** Adds `podtap refresh`: restarting what is not mirrored as it should be. */
export function addRefreshCommand(program: Command, context: CliContext): void {
  const command = program
    .command('refresh')
    .description('restart workloads whose pods lack the sidecar that they should have')
    .argument('[workload...]', 'KIND/NAME of those to look at (default: all)')
  addNamespaceOptions(command)
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--yes', 'do it')
    .option(
      '--timeout <duration>',
      'longest time for one workload, as 90s or 10m',
      duration,
      600_000,
    )
    .addHelpText('after', HELP)
    .action(async (names: readonly string[], options: RefreshCommandOptions) => {
      const targets = names.map(parseTarget)
      checkUse(targets, options)
      await withCluster(options, context, (cluster) => run(cluster, { targets, options, context }))
    })
}

interface Order {
  readonly targets: readonly Target[]
  readonly options: RefreshCommandOptions
  readonly context: CliContext
}

async function run(cluster: ClusterAccess, order: Order): Promise<void> {
  const { context, options } = order
  const workloads = selectTargets(await survey(cluster), order.targets)
  const plan = planRefresh(workloads)
  if (plan.length === 0) {
    context.print(`nothing to refresh: ${workloads.length} workloads are as they should be`)
    return
  }
  showPlan(plan, context)
  const steps = plan.filter(({ action }) => action !== 'leave')
  if (options.yes !== true || options.dryRun === true) throw planned(steps.length, plan.length)
  const result = await refresh(steps, {
    client: cluster.client,
    timeoutMs: options.timeout,
    signal: context.interrupted(),
    report: (line) => {
      context.print(line)
    },
  })
  conclude(result, plan.length - steps.length, context)
}

async function survey({ client, namespace }: ClusterAccess): Promise<readonly WorkloadCoverage[]> {
  const installation = await currentInstallation(client)
  const namespaces = await surveyCoverage(client, { namespace, installation, filterProblemOf })
  return namespaces.flatMap(({ workloads }) => workloads)
}

const COLUMNS: readonly Column<Step>[] = [
  { title: 'NAMESPACE', cell: ({ workload }) => workload.namespace },
  { title: 'WORKLOAD', cell: ({ workload }) => referenceOf(workload) },
  { title: 'STATE', cell: ({ state }) => ({ text: state, tone: 'warning' }) },
  { title: 'PODS', cell: ({ drifted, workload }) => `${drifted}/${workload.pods.length}` },
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'REMARK', cell: ({ remark }) => remark, shrinksTo: 20 },
]

function showPlan(plan: readonly Step[], context: CliContext): void {
  for (const line of renderTable(COLUMNS, plan, tableStyle({}, context))) context.print(line)
}

function conclude({ refreshed, left }: RefreshResult, others: number, context: CliContext): void {
  context.print(`refreshed: ${refreshed.length}, left: ${left.length + others}`)
  if (left.length + others === 0) return
  throw new AppError('ERR_COVERAGE', 'not everything is as it should be: see above')
}

/** What a rehearsal ends with: exit status 1, so that scripts see that there is something to do. */
function planned(steps: number, all: number): AppError {
  const count = `${steps} of ${all} can be refreshed from here`
  return new AppError('ERR_COVERAGE', `nothing was changed: ${count}; --yes does it`)
}

function checkUse(
  targets: readonly Target[],
  { allNamespaces, dryRun, yes }: RefreshCommandOptions,
): void {
  if (targets.length > 0 && allNamespaces === true)
    throw new AppError('ERR_CONFIG', 'a workload has one namespace: give -n instead of -A')
  if (dryRun === true && yes === true)
    throw new AppError('ERR_CONFIG', '--dry-run and --yes exclude each other: give one')
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

function duration(raw: string): number {
  const [, count = '', unit = ''] = /^(\d{1,5})([smh])$/.exec(raw) ?? []
  const ms = Number(count) * (UNITS[unit] ?? 0)
  if (ms <= 0) throw new InvalidArgumentError('expected a time such as 90s or 10m.')
  return ms
}
