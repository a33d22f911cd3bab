/** Writing documents after what was decided about their workloads. */
import { AppError } from '../../lib/errors.ts'
import type { PatchOperation } from '../../webhook/admission/patch.ts'
import type { Workload } from '../../webhook/admission/workload.ts'
import type { CliContext } from '../context.ts'
import type { ManifestDocument, ManifestFormat } from '../manifests/read-manifests.ts'
import { editDocument, workloadsIn } from '../manifests/transform.ts'

/** What becomes of one workload. */
export interface Change {
  /** Relative to the workload's object. */
  readonly patch: readonly PatchOperation[]
  /** One line for people. */
  readonly report: string
  /** Whether what its author asked for could not be done. */
  readonly failed: boolean
}

/** How documents are written. */
export interface WriteOptions {
  readonly namespace: string
  readonly output?: ManifestFormat
  change(workload: Workload): Change
}

/**
 * Writes all documents to standard output in their order, workloads changed, everything else as it
 * was, and one line for each workload to standard error.
 * @throws AppError ERR_MANIFEST, after everything is written, when one of the changes failed.
 */
export function writeManifests(
  documents: readonly ManifestDocument[],
  options: WriteOptions,
  context: CliContext,
): void {
  const failures: string[] = []
  const texts = documents.map((document) => {
    const placed = workloadsIn(document, options.namespace)
    const changes = placed.map(({ workload, pointer }) => ({
      pointer,
      ...options.change(workload),
    }))
    for (const { report, failed } of changes) {
      context.report(`${document.place}: ${report}`)
      if (failed) failures.push(document.place)
    }
    return editDocument(document, changes.flatMap(fromDocument), options.output)
  })
  context.write(joined(texts, options.output ?? documents[0]?.format ?? 'yaml'))
  if (failures.length === 0) return
  throw new AppError('ERR_MANIFEST', `left as they were for a bad value: ${failures.join(', ')}`)
}

function fromDocument({ pointer, patch }: Change & { pointer: string }): readonly PatchOperation[] {
  return patch.map((operation) => ({ ...operation, path: pointer + operation.path }))
}

/** Documents that did not begin with `---`, because they were the first of their file, get one. */
function joined(texts: readonly string[], format: ManifestFormat): string {
  if (format === 'json') return texts.map(ended).join('')
  return texts
    .map((text, index) => (index > 0 && !text.startsWith('---') ? `---\n${text}` : text))
    .map((text, index) => (index < texts.length - 1 ? ended(text) : text))
    .join('')
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
