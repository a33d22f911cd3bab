import type { Command } from 'commander'
import { AppError } from '../../lib/errors.ts'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { readApiServer } from '../check/api-server.ts'
import { checkLines, countLevel } from '../check/check-lines.ts'
import type { Section } from '../check/finding.ts'
import { gather } from '../check/gather.ts'
import { ACTING, askRights, INSTALLING, LOOKING } from '../check/rights.ts'
import { installedSections, preflightSections } from '../check/sections.ts'
import { addNamespaceOption, type NamespaceOptions } from '../cluster/cluster-options.ts'
import { known } from '../cluster/known.ts'
import { findCluster, type ClusterAccess } from '../cluster/open-cluster.ts'
import type { CliContext } from '../context.ts'
import { webhookIn } from '../installation/find-installation.ts'
import {
  addOutputFormat,
  tableStyle,
  writeStructured,
  type OutputOptions,
} from '../output/output-format.ts'
import { packageVersion, readPackageManifest } from '../package-files.ts'

/** The options as commander reads them. */
interface CheckOptions extends NamespaceOptions, OutputOptions {
  readonly pre?: boolean
}

/** Where podtap's own objects are looked for until it is known better. */
const OWN_NAMESPACE = 'podtap'

/** Adds `podtap check`: everything that keeps pods from being mirrored, each with its fix. */
export function addCheckCommand(program: Command, context: CliContext): void {
  const command = program
    .command('check')
    .description('look for everything that keeps pods from being mirrored, and say how to mend it')
  addOutputFormat(addNamespaceOption(command), ['json', 'yaml'])
    .option('--pre', 'look whether podtap can be installed')
    .addHelpText('after', HELP)
    .action((options: CheckOptions) => check(options, context))
}

const HELP = `
✓ as it should be, ! it works, but not all of it or not for long, ✗ something is not mirrored,
· nothing is wrong, but you may want to know. Without -n all namespaces are looked at.
Nothing is changed: how the webhook answers is seen by creating a Deployment in a dry run.
Exit status: 0 no ✗, 1 at least one, 2 wrong use.

Example: podtap check && podtap status -A`

async function check(options: CheckOptions, context: CliContext): Promise<void> {
  const cluster = await findCluster(options, context)
  try {
    const sections = await sectionsOf(cluster, options)
    report(sections, options, context)
  } finally {
    cluster.client.close()
  }
}

function report(sections: readonly Section[], options: CheckOptions, context: CliContext): void {
  const failures = countLevel(sections, 'failure')
  const result = { ok: failures === 0, sections }
  if (!writeStructured(result, options, context)) {
    for (const line of checkLines(sections, tableStyle(options, context))) context.print(line)
  }
  if (failures === 0) return
  const what = failures === 1 ? 'one thing needs' : `${failures} things need`
  throw new AppError('ERR_CHECK', `${what} mending: see ✗ above`)
}

async function sectionsOf(
  { client, server }: ClusterAccess,
  { namespace, pre }: CheckOptions,
): Promise<readonly Section[]> {
  const scope = { namespace, ownNamespace: OWN_NAMESPACE }
  const rightsToAsk = pre ? INSTALLING : [...LOOKING, ...ACTING]
  const apiServer = await known(readApiServer(client, server))
  const nothing = { rights: { value: [] }, scope }
  if ('problem' in apiServer) return preflightSections({ apiServer, ...nothing }, undefined)
  const [rights, installed, version, webhook] = await Promise.all([
    known(askRights(client, rightsToAsk, scope)),
    gather(client, namespace),
    packageVersion(),
    manifestWebhook(),
  ])
  const facts = { apiServer, rights, scope }
  if (pre) return preflightSections(facts, installed)
  return installedSections(facts, installed, { version, webhook, now: new Date() })
}

async function manifestWebhook(): Promise<JsonObject> {
  const [configuration] = await readPackageManifest('manifests/base/webhook-configuration.yaml')
  return webhookIn(configuration) ?? {}
}
