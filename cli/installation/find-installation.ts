/** The podtap that a cluster has: found by its webhook, whatever its objects are called. */
import type { KubeClient } from '../../lib/kube/client.ts'
import {
  arrayAt,
  isObject,
  objectAt,
  textAt,
  valueAt,
  type JsonObject,
} from '../../webhook/admission/json.ts'
import { known, knownOrMissing, valueOf, type Known } from '../cluster/known.ts'

/** The name of podtap's webhook inside its MutatingWebhookConfiguration. */
export const WEBHOOK_NAME = 'inject.podtap.dev'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

/** What was found of an installation. */
export interface FoundInstallation {
  /** The namespace of its Service; that of the manifests where nothing else is known. */
  readonly namespace: string
  /** The Service that the API server calls. */
  readonly service: string
  /** The MutatingWebhookConfiguration with podtap's webhook; undefined: there is none. */
  readonly configuration: Known<JsonObject | undefined>
  /** The Deployment behind the Service; undefined: there is none. */
  readonly deployment: Known<JsonObject | undefined>
}

/** Looks for podtap in the cluster. Never rejects: what may not be read is a problem in the answer. */
export async function findInstallation(client: KubeClient): Promise<FoundInstallation> {
  const configuration = await known(findConfiguration(client))
  const service = serviceOf(valueOf(configuration))
  const deployment = await knownOrMissing(findDeployment(client, service))
  return { ...service, configuration, deployment }
}

/** podtap's webhook in a configuration; undefined: it has none. */
export function webhookIn(configuration: unknown): JsonObject | undefined {
  const webhooks = arrayAt(configuration, 'webhooks').filter(isObject)
  return webhooks.find(({ name }) => name === WEBHOOK_NAME)
}

async function findConfiguration(client: KubeClient): Promise<JsonObject | undefined> {
  const list = await client.request(CONFIGURATIONS)
  const found = arrayAt(list, 'items').find((item) => webhookIn(item) !== undefined)
  return isObject(found) ? found : undefined
}

/** The names of the manifests stand in for what is not known. */
function serviceOf(configuration: unknown): { namespace: string; service: string } {
  const service = objectAt(webhookIn(configuration), 'clientConfig', 'service')
  return {
    namespace: textAt(service, 'namespace') || 'podtap',
    service: textAt(service, 'name') || 'podtap-webhook',
  }
}

async function findDeployment(
  client: KubeClient,
  { namespace, service }: { readonly namespace: string; readonly service: string },
): Promise<JsonObject | undefined> {
  const [behind, list] = await Promise.all([
    client.request(`/api/v1/namespaces/${namespace}/services/${service}`),
    client.request(`/apis/apps/v1/namespaces/${namespace}/deployments`),
  ])
  const selector = Object.entries(objectAt(behind, 'spec', 'selector'))
  const deployments = arrayAt(list, 'items').filter(isObject)
  return deployments.find((deployment) => {
    const labels = objectAt(deployment, 'spec', 'template', 'metadata', 'labels')
    return selector.length > 0 && selector.every(([key, value]) => valueAt(labels, key) === value)
  })
}
