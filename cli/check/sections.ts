/** All checks, in the order in which they are shown. Pure. */
import { valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import type { Known } from '../cluster/known.ts'
import { valueOf } from '../cluster/known.ts'
import { webhookIn } from '../installation/find-installation.ts'
import { checkApiServer, type ApiServerFacts } from './api-server.ts'
import { checkCertificate } from './certificate.ts'
import { checkConfiguration } from './configuration.ts'
import { checkDeployment } from './deployment.ts'
import { hint, ok, type Finding, type Section } from './finding.ts'
import type { InstalledFacts } from './gather.ts'
import { checkMirroring } from './mirroring.ts'
import { checkNamespaces } from './namespaces.ts'
import { checkNodes } from './nodes.ts'
import { checkReach } from './reach.ts'
import { checkRights, type RightAnswer, type RightScope } from './rights.ts'
import { checkSensors } from './sensors.ts'

/** What is looked at whether podtap is installed or not. */
export interface ClusterFacts {
  readonly apiServer: Known<ApiServerFacts>
  readonly rights: Known<readonly RightAnswer[]>
  readonly scope: RightScope
}

/** What comes with this command. */
export interface OwnFacts {
  readonly version: string
  /** The webhook of the manifests. */
  readonly webhook: JsonObject
  /** By this machine's clock. */
  readonly now: Date
}

/** Before podtap is installed; `installed` is undefined where the API server does not answer. */
export function preflightSections(
  cluster: ClusterFacts,
  installed: Pick<InstalledFacts, 'found' | 'kubelets' | 'settings'> | undefined,
): readonly Section[] {
  if (installed === undefined) return clusterSections(cluster)
  const { kubelets, settings, found } = installed
  return [
    ...clusterSections(cluster),
    { title: 'Nodes', findings: checkNodes(kubelets, settings.nativeSidecar) },
    { title: 'Installation', findings: [checkFree(found.configuration)] },
  ]
}

/** After it was installed. */
export function installedSections(
  cluster: ClusterFacts,
  installed: InstalledFacts,
  own: OwnFacts,
): readonly Section[] {
  const { found, settings, kubelets, survey, sensors, mirroring } = installed
  const coverage = 'value' in survey ? { value: survey.value.namespaces } : survey
  return [
    ...clusterSections(cluster),
    { title: 'Webhook', findings: webhookFindings(cluster, installed, own) },
    { title: 'Nodes', findings: checkNodes(kubelets, settings.nativeSidecar) },
    ...(webhookIn(valueOf(found.configuration)) === undefined
      ? []
      : [
          { title: 'Namespaces', findings: checkNamespaces(coverage) },
          { title: 'Sensors', findings: checkSensors(sensors) },
          { title: 'Mirroring', findings: checkMirroring(mirroring) },
        ]),
  ]
}

function clusterSections({ apiServer, rights, scope }: ClusterFacts): readonly Section[] {
  return [
    { title: 'Kubernetes API', findings: checkApiServer(apiServer) },
    ...('value' in apiServer
      ? [{ title: 'Your rights', findings: checkRights(rights, scope) }]
      : []),
  ]
}

/** Where it is not installed, that is all there is to say. */
function webhookFindings(
  { apiServer }: ClusterFacts,
  { found, settings, ownPods, secret, readiness, probes, survey }: InstalledFacts,
  { version, webhook, now }: OwnFacts,
): readonly Finding[] {
  const { namespace, service, configuration, deployment } = found
  const ofConfiguration = checkConfiguration(configuration, webhook)
  if ('value' in configuration && configuration.value === undefined) return ofConfiguration
  const enabled = (valueOf(survey)?.namespaces ?? []).filter((each) => each.enabled)
  const certificate = {
    name: `${namespace}/${settings.own.tlsSecret}`,
    serverName: `${service}.${namespace}.svc`,
    now: new Date(now.getTime() + (valueOf(apiServer)?.aheadMs ?? 0)),
  }
  return [
    ...ofConfiguration,
    ...checkDeployment({ namespace, deployment, pods: ownPods, version }),
    ...checkCertificate({ ...certificate, secret, configuration }),
    ...checkReach({
      probes,
      enabled: enabled.map((each) => each.namespace.name),
      readiness,
      namespace,
      port: settings.port,
    }),
  ]
}

function checkFree(configuration: Known<JsonObject | undefined>): Finding {
  if ('problem' in configuration || configuration.value === undefined)
    return ok('podtap is not installed yet: podtap install | kubectl apply -f -')
  const name = String(valueAt(configuration.value, 'metadata', 'name'))
  return hint(
    `podtap is installed already (MutatingWebhookConfiguration ${name})`,
    'podtap check, without --pre, looks at it',
  )
}
