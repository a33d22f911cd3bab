import { InvalidArgumentError, Option, type Command } from 'commander'
import { configError, describeProblem } from '../../lib/config.ts'
import { AppError } from '../../lib/errors.ts'
import { arrayAt } from '../../webhook/admission/json.ts'
import { loadWebhookConfig, WEBHOOK_SCHEMA } from '../../webhook/config.ts'
import { SCOPES } from '../../webhook/scopes.ts'
import type { CliContext } from '../context.ts'
import {
  GITOPS_TOOLS,
  gitOpsIgnoreRules,
  type GitOpsTool,
} from '../manifests/gitops-ignore-rules.ts'
import { renderInstallation } from '../manifests/render-installation.ts'
import { readPackageFile, readPackageManifest } from '../package-files.ts'
import { collectPairs } from './manifest-options.ts'

/** The options as commander reads them. */
interface InstallOptions {
  readonly registry?: string
  readonly tag?: string
  readonly replicas?: number
  readonly sensor?: string
  readonly sensorNamespace?: string
  readonly scope?: string
  readonly set?: Readonly<Record<string, string>>
  readonly ignoreRules?: GitOpsTool
}

/** The kustomize base. */
const BASE = 'manifests/base'

/** Adds `podtap install`: the manifests, for kubectl. */
export function addInstallCommand(program: Command, context: CliContext): void {
  program
    .command('install')
    .description('print the manifests of podtap; nothing is sent to a cluster')
    .option(
      '--registry <prefix>',
      'where images are pulled from, such as registry.example.org/podtap',
    )
    .option('--tag <tag>', 'tag of the images (default: the version of this command)')
    .option('--replicas <number>', 'replicas of the webhook', parseReplicas)
    .option('--sensor <name>', "the sensors' label value, a host name or an address")
    .option('--sensor-namespace <name>', 'where sensors are looked for')
    .addOption(
      new Option('--scope <scope>', 'the namespaces that podtap is asked about').choices(SCOPES),
    )
    .option(
      '--set <NAME=value>',
      'a setting of the webhook, such as VNI=7 (repeatable)',
      collectPairs,
    )
    .addOption(
      new Option('--ignore-rules <tool>', 'print what a GitOps tool must ignore instead').choices(
        GITOPS_TOOLS,
      ),
    )
    .addHelpText(
      'after',
      '\nExample: podtap install --sensor zeek --replicas 2 | kubectl apply -f -',
    )
    .action((options: InstallOptions) => install(options, context))
}

async function install(options: InstallOptions, context: CliContext): Promise<void> {
  if (options.ignoreRules !== undefined) {
    context.write(gitOpsIgnoreRules(options.ignoreRules))
    return
  }
  const settings = settingsOf(options)
  checkImages(options)
  const [kustomization] = await readPackageManifest(`${BASE}/kustomization.yaml`)
  const names = arrayAt(kustomization, 'resources').map(String)
  const files = await Promise.all(names.map((name) => readPackageFile(`${BASE}/${name}`)))
  context.write(renderInstallation(files, { ...options, settings }))
}

/** @throws AppError ERR_CONFIG naming every unknown or bad setting, as the webhook would at its start. */
function settingsOf(options: InstallOptions): Readonly<Record<string, string>> {
  const { sensor, sensorNamespace, scope, set = {} } = options
  const unknown = Object.keys(set).filter((name) => !(name in WEBHOOK_SCHEMA))
  if (unknown.length > 0) {
    const known = Object.keys(WEBHOOK_SCHEMA).join(', ')
    throw new AppError('ERR_CONFIG', `--set ${unknown.join(', ')}: expected one of ${known}`)
  }
  const chosen = { SENSOR: sensor, SENSOR_NAMESPACE: sensorNamespace, SCOPE: scope }
  const given = Object.entries(chosen).filter(([, value]) => value !== undefined)
  const settings = { ...set, ...Object.fromEntries(given) } as Readonly<Record<string, string>>
  loadWebhookConfig(settings)
  return settings
}

/** What stands in an image reference. Source: the grammar of github.com/distribution/reference. */
function checkImages({ registry = 'x', tag = 'x' }: InstallOptions): void {
  const problems = [
    ...(/^[\w.:-]+(\/[\w.-]+)*\/?$/.test(registry)
      ? []
      : [describeProblem('--registry', 'a prefix such as registry.example.org/podtap', registry)]),
    ...(/^\w[\w.-]{0,127}$/.test(tag) ? [] : [describeProblem('--tag', 'a tag', tag)]),
  ]
  if (problems.length > 0) throw configError(problems)
}

function parseReplicas(raw: string): number {
  if (/^[1-9]\d?$/.test(raw)) return Number(raw)
  throw new InvalidArgumentError('expected 1…99.')
}
