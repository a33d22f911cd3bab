import type { Command } from 'commander'
import { AppError } from '../../lib/errors.ts'
import { explain as explainSituation } from '../../webhook/admission/explain.ts'
import { WORKLOAD_KINDS } from '../../webhook/admission/workload.ts'
import { addClusterOptions, type ClusterOptions } from '../cluster/cluster-options.ts'
import { liveSituation } from '../cluster/live-situation.ts'
import { withCluster } from '../cluster/open-cluster.ts'
import type { CliContext } from '../context.ts'
import { findFilterProblems } from '../manifests/filter-problems.ts'
import { situationOf, workloadsIn } from '../manifests/transform.ts'
import { parseTarget } from '../refresh/targets.ts'
import {
  addSurroundingsOptions,
  readDocuments,
  surroundingsOf,
  type ManifestOptions,
} from './manifest-options.ts'

/** The options as commander reads them. */
interface ExplainOptions extends ClusterOptions, Omit<ManifestOptions, 'filename' | 'namespace'> {
  readonly filename?: readonly string[]
  readonly namespace?: string
}

/** Adds `podtap explain`: the way to the webhook's decision, rule by rule. */
export function addExplainCommand(program: Command, context: CliContext): void {
  const command = program
    .command('explain')
    .description('say for workloads of a cluster, or in manifests, what would be decided, and why')
    .argument('[kind/name...]', 'workloads of the cluster, such as deployment/web')
    .option('-f, --filename <file...>', 'manifests to read instead; - is standard input')
  addClusterOptions(addSurroundingsOptions(command))
    .addHelpText('after', HELP)
    .action((names: readonly string[], options: ExplainOptions) => explain(names, options, context))
}

const HELP = `
In a cluster the settings are those of its webhook; --namespace-annotations and --set are for -f.
Exit status: 0 done, 1 there is no such workload, or a manifest is malformed, 2 wrong use.

Example: podtap explain -n shop deployment/web`

async function explain(
  names: readonly string[],
  options: ExplainOptions,
  context: CliContext,
): Promise<void> {
  const { filename } = options
  if ((filename === undefined) === (names.length === 0))
    throw new AppError('ERR_CONFIG', 'expected either workloads as KIND/NAME or manifests with -f')
  if (filename === undefined) await explainLive(names, options, context)
  else {
    const { namespace = 'default' } = options
    await explainManifests({ ...options, filename, namespace }, context)
  }
}

async function explainLive(
  names: readonly string[],
  options: ExplainOptions,
  context: CliContext,
): Promise<void> {
  const targets = names.map(parseTarget)
  await withCluster(options, context, async ({ client, namespace = 'default' }) => {
    for (const target of targets) {
      const kind = WORKLOAD_KINDS.find((row) => row.kind === target.kind)
      if (kind === undefined) continue
      const situation = await liveSituation(client, { kind, namespace, name: target.name })
      context.print(explainSituation(situation))
    }
  })
}

async function explainManifests(options: ManifestOptions, context: CliContext): Promise<void> {
  const settings = surroundingsOf(options)
  const documents = await readDocuments(options, context)
  const filterProblems = await findFilterProblems(documents, settings)
  const surroundings = { ...settings, filterProblems }
  for (const document of documents) {
    for (const { workload } of workloadsIn(document, options.namespace)) {
      context.print(
        `${document.place}: ${explainSituation(situationOf(workload, documents, surroundings))}`,
      )
    }
  }
}
