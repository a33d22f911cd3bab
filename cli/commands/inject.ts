import type { Command } from 'commander'
import { admit } from '../../webhook/admission/admit.ts'
import { referenceOf } from '../../webhook/admission/workload.ts'
import type { CliContext } from '../context.ts'
import { findFilterProblems } from '../manifests/filter-problems.ts'
import { situationOf } from '../manifests/transform.ts'
import {
  addFileOption,
  addOutputOption,
  addSurroundingsOptions,
  readDocuments,
  surroundingsOf,
  type ManifestOptions,
} from './manifest-options.ts'
import { writeManifests, type Change } from './write-manifests.ts'

/** Refusals that come from what was written, and not from what was chosen. */
const FAULTS = ['bad-annotation', 'unreadable-template']

/** Adds `podtap inject`: what the webhook would do, for manifests in files. */
export function addInjectCommand(program: Command, context: CliContext): void {
  const command = program
    .command('inject')
    .description('add the sidecar to workloads in manifests, as the webhook would, and print them')
  addSurroundingsOptions(addOutputOption(addFileOption(command)), 'default')
    .addHelpText(
      'after',
      '\nExit status: 0 all were decided, 1 a manifest or an annotation is malformed, 2 wrong use.\n\nExample: podtap inject -f app.yaml | kubectl apply -f -',
    )
    .action((options: ManifestOptions) => inject(options, context))
}

async function inject(options: ManifestOptions, context: CliContext): Promise<void> {
  const settings = surroundingsOf(options)
  const documents = await readDocuments(options, context)
  const filterProblems = await findFilterProblems(documents, settings)
  const surroundings = { ...settings, filterProblems }
  writeManifests(
    documents,
    {
      ...options,
      change: (workload): Change => {
        const outcome = admit(situationOf(workload, documents, surroundings))
        const { patch, verdict, reason, detail } = outcome
        const report = `${referenceOf(workload)} ${verdict} (${reason}): ${detail}`
        return { patch, report, failed: FAULTS.includes(reason) }
      },
    },
    context,
  )
}
