/** Whether the API server reaches the webhook, by what dry runs showed. */
import { valueAt, arrayAt } from '../../webhook/admission/json.ts'
import type { Known } from '../cluster/known.ts'
import { failure, notChecked, ok, warning, type Finding } from './finding.ts'
import type { Probe, ProbeAnswer } from './probe.ts'

/** What is known of the way from the API server to the webhook. */
export interface ReachFacts {
  /** Dry runs, in enabled namespaces where there are any. */
  readonly probes: readonly Probe[]
  readonly enabled: readonly string[]
  /** What the webhook says of itself at /readyz, through the API server's proxy. */
  readonly readiness: Known<unknown>
  /** Its namespace and port, for what is to be done. */
  readonly namespace: string
  readonly port: number
}

/** What is to be said about the way from the API server to the webhook, and about each namespace. */
export function checkReach(facts: ReachFacts): readonly Finding[] {
  const { probes, enabled } = facts
  const known = probes.flatMap(({ answer }) => ('value' in answer ? [answer.value] : []))
  const failed = probes.flatMap(({ namespace, answer }) =>
    'problem' in answer ? [notChecked(`a dry run in ${namespace}`, answer.problem)] : [],
  )
  if (known.length === 0) return failed
  const silent = known.filter(({ kind }) => kind === 'silent')
  if (silent.length === known.length) return [unreachable(facts), ...failed]
  return [
    ok('the API server reaches the webhook and gets answers (seen in a dry run)'),
    ...probes.filter(({ namespace }) => enabled.includes(namespace)).flatMap(checkProbe),
    ...failed,
  ]
}

function checkProbe({ namespace, answer }: Probe): readonly Finding[] {
  if ('problem' in answer) return []
  const described = describe(namespace, answer.value)
  return described === undefined ? [] : [described]
}

function describe(namespace: string, answer: ProbeAnswer): Finding | undefined {
  if (answer.kind === 'injected')
    return ok(`a new workload in ${namespace} gets the sidecar (seen in a dry run)`)
  if (answer.kind === 'silent')
    return warning(
      `a new workload in ${namespace} was left alone without a word`,
      'see whether an objectSelector or namespaceSelector of the webhook leaves it out',
    )
  const said = answer.warning.replace('podtap: ', '').replace(/deployment\/podtap-check/, 'it')
  return failure(
    `a new workload in ${namespace} does not get the sidecar: ${said}`,
    `podtap explain -n ${namespace} KIND/NAME says it for each of its workloads`,
  )
}

/** With failurePolicy Ignore nobody says why; what the webhook says of itself tells the cases apart. */
function unreachable({ readiness, namespace, port }: ReachFacts): Finding {
  const fact =
    'the API server gets no answer from the webhook: workloads are admitted without sidecars'
  if ('problem' in readiness) {
    return failure(
      `${fact}; nor does its proxy: ${readiness.problem}`,
      `see that the webhook runs (kubectl -n ${namespace} get pods), and that the control plane may ` +
        `reach TCP port ${port} of its pods (firewall rules, NetworkPolicies)`,
    )
  }
  const missing = arrayAt(readiness.value, 'missing').map(String)
  if (valueAt(readiness.value, 'ready') !== true && missing.length > 0)
    return failure(`${fact}; it says: ${missing.join(', ')}`, 'see its log')
  return failure(
    `${fact}, although it is ready`,
    'see the certificate above, and the log of the API server for "failed calling webhook"',
  )
}
