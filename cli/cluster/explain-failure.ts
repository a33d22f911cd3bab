/** What people are told when the cluster does not do what a command asks of it. */
import { AppError, errnoCodeOf } from '../../lib/errors.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'

/** A right that is missing, as the API server names it. */
export interface MissingRight {
  /** Who lacks it. */
  readonly user: string
  readonly verb: string
  /** With its subresource and group: `deployments.apps`, `pods/proxy`. */
  readonly resource: string
  /** Undefined: in the whole cluster. */
  readonly namespace: string | undefined
}

/** One line about a failure, with what can be done about it where that is known. */
export function explainFailure(error: AppError): string {
  if (!(error instanceof KubeError)) return error.message
  const right = missingRight(error)
  if (right !== undefined) return describeMissingRight(right)
  if (error.status === undefined) return `${error.message}; ${remedyFor(error)}`
  if (error.status === 401)
    return `${error.message}; log in again: the credentials of the kubeconfig are not accepted`
  return error.message
}

/**
 * The right that the API server missed; undefined: it refused for another reason, or not at all.
 * Source of the sentence: k8s.io/apiserver, endpoints/handlers/responsewriters/errors.go, forbiddenMessage().
 */
export function missingRight(error: unknown): MissingRight | undefined {
  if (!(error instanceof KubeError) || error.status !== 403) return undefined
  const found =
    /User "([^"]*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)"| at the cluster scope)?/.exec(
      error.message,
    )
  if (found === null) return undefined
  const [, user = '', verb = '', resource = '', group = '', namespace] = found
  return { user, verb, resource: withGroup(resource, group), namespace }
}

/** One line that names the right and how to get it. */
export function describeMissingRight({ user, verb, resource, namespace }: MissingRight): string {
  const where = namespace === undefined ? 'in the whole cluster' : `in the namespace ${namespace}`
  const scope = namespace === undefined ? '-A' : `-n ${namespace}`
  return (
    `${user} may not ${verb} ${resource} ${where}: ask for that right ` +
    `(kubectl auth can-i ${verb} ${resource} ${scope})`
  )
}

/** `deployments` of `apps` is `deployments.apps`; a subresource stays at the end. */
function withGroup(resource: string, group: string): string {
  if (group === '') return resource
  const [name = '', ...sub] = resource.split('/')
  return [`${name}.${group}`, ...sub].join('/')
}

/** For a request that was not answered at all. */
function remedyFor({ cause }: KubeError): string {
  const code = errnoCodeOf(cause) ?? ''
  if (/CERT|SELF_SIGNED|ALTNAME|ISSUER/.test(code))
    return "its certificate is not trusted: see certificate-authority in the kubeconfig's cluster"
  if (['ENOTFOUND', 'EAI_AGAIN'].includes(code)) return 'its name is not known: see --context'
  return 'is it up, and is it the right one? (kubectl config current-context, --context)'
}
