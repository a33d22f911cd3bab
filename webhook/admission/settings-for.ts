/** The sidecar that a workload would get. */
import { FILTER, readOverrides, type Annotations } from './annotations.ts'
import type { SidecarSettings } from './settings.ts'
import type { NamespaceFacts, Situation } from './situation.ts'
import { annotationsOf, type Workload } from './workload.ts'

/** The installation's sidecar with the overrides of namespace and template; bad values change nothing. */
export function settingsFor({ workload, namespace, installation }: Situation): SidecarSettings {
  const ofTemplate = annotationsOf(workload.template ?? {})
  const { override } = readOverrides(namespace?.annotations ?? {}, ofTemplate)
  return { ...installation.sidecar, ...override }
}

/** The filter that annotations ask for, or undefined: none do. It may be malformed. */
export function annotatedFilter(
  workload: Workload,
  namespace: NamespaceFacts | undefined,
): string | undefined {
  const ofTemplate: Annotations = annotationsOf(workload.template ?? {})
  return ofTemplate[FILTER] ?? namespace?.annotations[FILTER]
}
