/** The authorities that the API server trusts: caBundle in the MutatingWebhookConfiguration. */
import { AppError } from '../../lib/errors.ts'
import type { KubeClient } from '../../lib/kube/client.ts'
import { KubeError } from '../../lib/kube/kube-error.ts'
import { arrayAt, objectAt, textAt, type JsonObject } from '../admission/json.ts'
import type { OwnObjects } from '../config.ts'

/** Where configurations are listed and watched. */
export const CONFIGURATIONS_PATH =
  '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

/**
 * What each webhook of the configuration that calls our Service trusts now (PEM; empty: nothing).
 * @throws AppError ERR_CERTIFICATE when there is no such webhook; KubeError.
 */
export async function readCaBundles(
  client: KubeClient,
  own: OwnObjects,
): Promise<readonly string[]> {
  const webhooks = await readWebhooks(client, own)
  const bundles = webhooks.filter((webhook) => isOurs(webhook, own)).map(bundleOf)
  return bundles.map((bundle) => Buffer.from(bundle, 'base64').toString())
}

/**
 * Makes sure that every webhook of the configuration that calls our Service trusts `authorities` (PEM).
 * Only that field is written, and only where it differs: everything else belongs to whoever applied
 * the manifests. Returns whether anything had to be written.
 * @throws AppError ERR_CERTIFICATE when there is no such webhook; KubeError, also when the
 *   configuration changed meanwhile (try again).
 */
export async function putCaBundle(
  client: KubeClient,
  own: OwnObjects,
  authorities: string,
): Promise<boolean> {
  const webhooks = await readWebhooks(client, own)
  const caBundle = Buffer.from(authorities).toString('base64')
  const body = webhooks.flatMap((webhook, index) => {
    const wrong = bundleOf(webhook) !== caBundle
    return isOurs(webhook, own) && wrong ? bundlePatch(webhook, index, caBundle) : []
  })
  if (body.length === 0) return false
  await client.request(pathOf(own), {
    method: 'PATCH',
    contentType: 'application/json-patch+json',
    body,
  })
  return true
}

/** The test makes the patch fail instead of hitting another webhook, should their order change. */
function bundlePatch(webhook: unknown, index: number, caBundle: string): readonly JsonObject[] {
  return [
    { op: 'test', path: `/webhooks/${index}/name`, value: textAt(webhook, 'name') },
    { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
  ]
}

/** All webhooks of the configuration, one of which at least is ours. */
async function readWebhooks(client: KubeClient, own: OwnObjects): Promise<readonly unknown[]> {
  try {
    const webhooks = arrayAt(await client.request(pathOf(own)), 'webhooks')
    if (webhooks.some((webhook) => isOurs(webhook, own))) return webhooks
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error
  }
  const { webhookConfiguration, namespace, service } = own
  throw new AppError(
    'ERR_CERTIFICATE',
    `MutatingWebhookConfiguration ${webhookConfiguration}: expected a webhook for the Service ` +
      `${namespace}/${service}, found none; apply the manifests`,
  )
}

/** Whether a webhook of the configuration calls our Service. */
export function isOurs(webhook: unknown, own: OwnObjects): boolean {
  const service = objectAt(webhook, 'clientConfig', 'service')
  return service['name'] === own.service && service['namespace'] === own.namespace
}

function bundleOf(webhook: unknown): string {
  return textAt(webhook, 'clientConfig', 'caBundle')
}

function pathOf({ webhookConfiguration }: OwnObjects): string {
  return `${CONFIGURATIONS_PATH}/${webhookConfiguration}`
}
