/** Whether the filters that manifests ask for compile: libpcap says so here as it does in a cluster. */
import { parseFilterText } from '../../sidecar/contract.ts'
import { filterProblemOf } from '../../sidecar/engine/libpcap.ts'
import { annotatedFilter } from '../../webhook/admission/settings-for.ts'
import type { ManifestDocument } from './read-manifests.ts'
import { situationOf, workloadsIn, type Surroundings } from './transform.ts'

/**
 * What is wrong with each filter that a workload of `documents` would have by annotation: expression
 * → what libpcap says. Filters that compile are left out.
 * @throws AppError ERR_NATIVE_LIBRARY where there is a filter and no libpcap.
 */
export async function findFilterProblems(
  documents: readonly ManifestDocument[],
  surroundings: Surroundings,
): Promise<ReadonlyMap<string, string>> {
  const problems = new Map<string, string>()
  for (const filter of filtersIn(documents, surroundings)) {
    const problem = await filterProblemOf(filter)
    if (problem !== undefined) problems.set(filter, problem)
  }
  return problems
}

function filtersIn(
  documents: readonly ManifestDocument[],
  surroundings: Surroundings,
): ReadonlySet<string> {
  const filters = documents
    .flatMap((document) => workloadsIn(document, surroundings.defaultNamespace))
    .map(({ workload }) => situationOf(workload, documents, surroundings))
    .map(({ workload, namespace }) => annotatedFilter(workload, namespace))
  // What is malformed as text is refused without libpcap.
  const wellFormed = filters.filter(
    (filter) => filter !== undefined && 'value' in parseFilterText(filter),
  )
  return new Set(wellFormed as string[])
}
