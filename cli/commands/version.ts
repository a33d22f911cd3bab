import type { Command } from 'commander'
import { addClusterOptions, type ClusterOptions } from '../cluster/cluster-options.ts'
import { known, valueOf, type Known } from '../cluster/known.ts'
import { withCluster } from '../cluster/open-cluster.ts'
import type { CliContext } from '../context.ts'
import { findInstallation } from '../installation/find-installation.ts'
import { imagesOf, webhookSettings } from '../installation/webhook-settings.ts'
import { addOutputFormat, writeStructured, type OutputOptions } from '../output/output-format.ts'
import { packageVersion } from '../package-files.ts'

/** The options as commander reads them. */
interface VersionOptions extends ClusterOptions, OutputOptions {
  /** Only this command's own. */
  readonly client?: boolean
}

/** What a cluster runs. */
interface ClusterVersions {
  readonly kubernetes: string
  /** Images; null: not installed. */
  readonly webhook: string | null
  readonly sidecar: string | null
}

/** Adds `podtap version`: of this command, of the webhook, and of the sidecars that it adds. */
export function addVersionCommand(program: Command, context: CliContext): void {
  const command = program
    .command('version')
    .description('show the version of this command, and of what the cluster runs')
  addOutputFormat(addClusterOptions(command), ['json', 'yaml'])
    .option('--client', 'do not ask the cluster')
    .addHelpText('after', '\nExample: podtap version --client')
    .action((options: VersionOptions) => version(options, context))
}

async function version(options: VersionOptions, context: CliContext): Promise<void> {
  const client = await packageVersion()
  const cluster = options.client ? undefined : await known(readVersions(options, context))
  const versions = cluster === undefined ? undefined : valueOf(cluster)
  if (writeStructured({ client, ...versions }, options, context)) return
  context.print(`podtap      ${client}`)
  if (cluster !== undefined) printCluster(cluster, context)
}

/** The version of this command is worth showing where no cluster answers. */
function printCluster(cluster: Known<ClusterVersions>, context: CliContext): void {
  if ('problem' in cluster) {
    context.report(`podtap: no version of the cluster: ${cluster.problem}`)
    return
  }
  const { kubernetes, webhook, sidecar } = cluster.value
  context.print(`webhook     ${webhook ?? 'not installed'}`)
  if (sidecar !== null) context.print(`sidecar     ${sidecar}`)
  context.print(`kubernetes  ${kubernetes}`)
}

async function readVersions(
  options: ClusterOptions,
  context: CliContext,
): Promise<ClusterVersions> {
  return withCluster(options, context, async (cluster) => {
    const { deployment: found, namespace } = await findInstallation(cluster.client)
    const deployment = valueOf(found)
    const [webhook = null] = imagesOf(deployment)
    const settings = webhook === null ? undefined : webhookSettings(deployment, namespace)
    const sidecar = settings?.installation.sidecar.image ?? null
    return { kubernetes: cluster.version.text, webhook, sidecar }
  })
}
