/** What the caller may do: the rights that podtap's commands need. */
import type { KubeClient } from '../../lib/kube/client.ts'
import { valueAt } from '../../webhook/admission/json.ts'
import type { Known } from '../cluster/known.ts'
import { mapBounded } from '../map-bounded.ts'
import { hint, notChecked, ok, warning, type Finding } from './finding.ts'

/** One right, as SelfSubjectAccessReview names it. */
export interface Right {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  /** Undefined: in the namespaces that are looked at. `podtap`: in podtap's own. */
  readonly place?: 'cluster' | 'podtap'
  /** The commands that need it. */
  readonly usedBy: string
}

/** A right, and whether the caller has it. */
export interface RightAnswer extends Right {
  readonly allowed: boolean
}

/** Where rights are asked about. */
export interface RightScope {
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly ownNamespace: string
}

const CONCURRENCY = 8

const RBAC = 'rbac.authorization.k8s.io'
const REGISTRATION = 'admissionregistration.k8s.io'
const CONFIGURATIONS = 'mutatingwebhookconfigurations'

/** The rights of check, status and top; without them they see less. */
export const LOOKING: readonly Right[] = [
  { ...to('list', 'namespaces'), place: 'cluster', usedBy: 'status, check' },
  { ...to('list', 'nodes'), place: 'cluster', usedBy: 'status, check' },
  { ...to('list', 'pods'), usedBy: 'status, top, check' },
  { ...to('get', 'pods'), subresource: 'proxy', usedBy: 'status, top, check' },
  { ...to('list', 'deployments', 'apps'), usedBy: 'status, check' },
  { ...to('list', 'jobs', 'batch'), usedBy: 'status, check' },
  { ...to('list', CONFIGURATIONS, REGISTRATION), place: 'cluster', usedBy: 'check, version' },
  { ...to('list', 'deployments', 'apps'), place: 'podtap', usedBy: 'check, version' },
  { ...to('get', 'secrets'), place: 'podtap', usedBy: 'check: the certificate' },
  { ...to('get', 'services'), subresource: 'proxy', place: 'podtap', usedBy: 'check' },
  { ...to('create', 'deployments', 'apps'), usedBy: 'check: a dry run' },
]

/** The rights of commands that change or enter something: not everybody should have them. */
export const ACTING: readonly Right[] = [
  { ...to('create', 'pods'), subresource: 'exec', usedBy: 'tap' },
  { ...to('patch', 'pods'), subresource: 'ephemeralcontainers', usedBy: 'attach' },
  { ...to('patch', 'deployments', 'apps'), usedBy: 'refresh' },
]

/** The rights to install podtap. */
export const INSTALLING: readonly Right[] = [
  { ...to('create', 'namespaces'), place: 'cluster', usedBy: 'install' },
  { ...to('create', 'clusterroles', RBAC), place: 'cluster', usedBy: 'install' },
  { ...to('create', 'clusterrolebindings', RBAC), place: 'cluster', usedBy: 'install' },
  { ...to('create', CONFIGURATIONS, REGISTRATION), place: 'cluster', usedBy: 'install' },
  { ...to('create', 'roles', RBAC), place: 'podtap', usedBy: 'install' },
  { ...to('create', 'rolebindings', RBAC), place: 'podtap', usedBy: 'install' },
  { ...to('create', 'serviceaccounts'), place: 'podtap', usedBy: 'install' },
  { ...to('create', 'services'), place: 'podtap', usedBy: 'install' },
  { ...to('create', 'deployments', 'apps'), place: 'podtap', usedBy: 'install' },
]

/**
 * Asks which of `rights` the caller has; everybody who is logged in may ask.
 * @throws KubeError as KubeClient.request() does.
 */
export async function askRights(
  client: KubeClient,
  rights: readonly Right[],
  scope: RightScope,
): Promise<readonly RightAnswer[]> {
  return mapBounded(rights, CONCURRENCY, async (asked) => {
    const { verb, group, resource, subresource } = asked
    const namespace = namespaceOf(asked, scope)
    const answer = await client.request('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      method: 'POST',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
      },
    })
    return { ...asked, allowed: valueAt(answer, 'status', 'allowed') === true }
  })
}

/** What is to be said about rights; those to act are only mentioned. */
export function checkRights(
  answers: Known<readonly RightAnswer[]>,
  scope: RightScope,
): readonly Finding[] {
  if ('problem' in answers) return [notChecked('your rights', answers.problem)]
  const missing = answers.value.filter(({ allowed }) => !allowed)
  if (missing.length === 0)
    return [ok(`you have all ${answers.value.length} rights that podtap's commands use`)]
  return missing.map((answer) => {
    const tell = ACTING.some(({ usedBy }) => usedBy === answer.usedBy) ? hint : warning
    const { verb, usedBy } = answer
    const place = namespaceOf(answer, scope)
    const where = place === undefined ? 'in the whole cluster' : `in the namespace ${place}`
    const flag = place === undefined ? '-A' : `-n ${place}`
    const resource = describe(answer)
    return tell(
      `you may not ${verb} ${resource} ${where} (${usedBy})`,
      `ask for that right if you need it: kubectl auth can-i ${verb} ${resource} ${flag}`,
    )
  })
}

function to(
  verb: string,
  resource: string,
  group = '',
): Pick<Right, 'verb' | 'resource' | 'group'> {
  return { verb, resource, group }
}

function namespaceOf({ place }: Right, scope: RightScope): string | undefined {
  if (place === 'cluster') return undefined
  return place === 'podtap' ? scope.ownNamespace : scope.namespace
}

function describe({ group, resource, subresource }: Right): string {
  const name = group === '' ? resource : `${resource}.${group}`
  return subresource === undefined ? name : `${name}/${subresource}`
}
