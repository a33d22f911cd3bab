import type { Command } from 'commander'
import { diffTemplate } from '../../webhook/admission/patch.ts'
import { uninject as uninjectTemplate } from '../../webhook/admission/uninject.ts'
import { referenceOf, type Workload } from '../../webhook/admission/workload.ts'
import type { CliContext } from '../context.ts'
import {
  addFileOption,
  addOutputOption,
  readDocuments,
  type ManifestOptions,
} from './manifest-options.ts'
import { writeManifests, type Change } from './write-manifests.ts'

/** Adds `podtap uninject`: takes out what `podtap inject` or the webhook put in. */
export function addUninjectCommand(program: Command, context: CliContext): void {
  const command = program
    .command('uninject')
    .description('take the sidecar out of workloads in manifests and print them')
  addOutputOption(addFileOption(command))
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 a manifest is malformed, 2 wrong use.\n\nExample: podtap uninject -f app.yaml > plain.yaml',
    )
    .action((options: ManifestOptions) => uninject(options, context))
}

async function uninject(options: ManifestOptions, context: CliContext): Promise<void> {
  const documents = await readDocuments(options, context)
  writeManifests(documents, { ...options, namespace: 'default', change: changeOf }, context)
}

function changeOf(workload: Workload): Change {
  const template = workload.template ?? {}
  const patch = diffTemplate(workload.kind.templatePath, template, uninjectTemplate(template))
  const report = patch.length === 0 ? 'unchanged: it has no sidecar' : 'removed'
  return { patch, report: `${referenceOf(workload)} ${report}`, failed: false }
}
