/** Whether what is enabled is mirrored. */
import { injectProblem, readOverrides } from '../../webhook/admission/annotations.ts'
import type { NamespaceFacts } from '../../webhook/admission/situation.ts'
import type { CoverageState } from '../../webhook/coverage/judge.ts'
import type { NamespaceCoverage } from '../../webhook/coverage/survey.ts'
import type { Known } from '../cluster/known.ts'
import { failure, hint, notChecked, ok, warning, type Finding } from './finding.ts'

/** What is to be said about namespaces and the pods in them. */
export function checkNamespaces(coverage: Known<readonly NamespaceCoverage[]>): readonly Finding[] {
  if ('problem' in coverage)
    return [
      notChecked('namespaces and their pods', `${coverage.problem}; -n NAME looks into one alone`),
    ]
  const shown = coverage.value.flatMap(checkNamespace)
  const enabled = coverage.value.filter((each) => each.enabled)
  if (enabled.length > 0) return shown
  return [...shown, hint('no namespace is enabled', ENABLE)]
}

const ENABLE = 'kubectl annotate namespace NAME podtap.dev/inject=enabled'

function checkNamespace(coverage: NamespaceCoverage): readonly Finding[] {
  const { namespace, enabled } = coverage
  const malformed = injectProblem(namespace.annotations)
  if (malformed !== undefined)
    return [failure(`${namespace.name} is not enabled: ${malformed}`, ENABLE)]
  const problems = [
    ...(enabled ? [...checkSettings(namespace), ...checkPodSecurity(namespace)] : []),
    ...checkPods(coverage),
  ]
  if (problems.length > 0) return problems
  const mirrored = countPods(coverage, 'mirrored')
  const refused = countPods(coverage, 'refused')
  const others = refused > 0 ? `, ${refused} left out for a reason (podtap status)` : ''
  return [ok(`${namespace.name}: ${plural(mirrored, 'pod')} mirrored${others}`)]
}

function checkSettings(namespace: NamespaceFacts): readonly Finding[] {
  return readOverrides(namespace.annotations, {}).problems.map((problem) =>
    failure(
      `${namespace.name}: its workloads get no sidecar: ${problem}`,
      `kubectl annotate --overwrite namespace ${namespace.name} KEY=VALUE`,
    ),
  )
}

/** Baseline and restricted allow no NET_RAW. Source: Pod Security Standards, "Capabilities". */
function checkPodSecurity({ name, labels }: NamespaceFacts): readonly Finding[] {
  const level = labels['pod-security.kubernetes.io/enforce'] ?? ''
  if (!['baseline', 'restricted'].includes(level)) return []
  return [
    failure(
      `${name} is enabled, but enforces Pod Security "${level}", which forbids NET_RAW: nothing is mirrored there`,
      `kubectl label --overwrite namespace ${name} pod-security.kubernetes.io/enforce=privileged`,
    ),
  ]
}

function checkPods(coverage: NamespaceCoverage): readonly Finding[] {
  const { name } = coverage.namespace
  const fix = `podtap refresh -n ${name} (it restarts them), or kubectl -n ${name} rollout restart`
  return DRIFTS.flatMap(({ state, what }) => {
    const pods = countPods(coverage, state)
    return pods === 0 ? [] : [warning(`${name}: ${plural(pods, 'pod')} ${what}`, fix)]
  })
}

const DRIFTS: readonly { readonly state: CoverageState; readonly what: string }[] = [
  { state: 'missed', what: 'not mirrored: made while podtap was away, or before it was enabled' },
  { state: 'stale', what: 'mirrored by a sidecar that is not as set now' },
  { state: 'unwanted', what: 'still mirrored, although no longer wanted' },
]

function countPods({ workloads }: NamespaceCoverage, state: CoverageState): number {
  return workloads.flatMap(({ pods }) => pods).filter((pod) => pod.state === state).length
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
