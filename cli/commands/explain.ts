import type { Command } from 'commander'
import { explain as explainSituation } from '../../webhook/admission/explain.ts'
import type { CliContext } from '../context.ts'
import { findFilterProblems } from '../manifests/filter-problems.ts'
import { situationOf, workloadsIn } from '../manifests/transform.ts'
import {
  addFileOption,
  addSurroundingsOptions,
  readDocuments,
  surroundingsOf,
  type ManifestOptions,
} from './manifest-options.ts'

/** Adds `podtap explain`: the way to the webhook's decision, rule by rule. */
export function addExplainCommand(program: Command, context: CliContext): void {
  const command = program
    .command('explain')
    .description('say for each workload in manifests what the webhook would decide, and why')
  addSurroundingsOptions(addFileOption(command))
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 a manifest is malformed, 2 wrong use.\n\nExample: podtap explain -f app.yaml --set SENSOR=zeek',
    )
    .action((options: ManifestOptions) => explain(options, context))
}

async function explain(options: ManifestOptions, context: CliContext): Promise<void> {
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
