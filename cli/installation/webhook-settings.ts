/** What the webhook of a cluster was told, read from its Deployment. */
import type { Environment } from '../../lib/config.ts'
import { arrayAt, textAt, valueAt, type JsonObject } from '../../webhook/admission/json.ts'
import { loadWebhookConfig, type WebhookConfig } from '../../webhook/config.ts'

/**
 * The settings of the webhook; the defaults where there is no Deployment. Only values that stand in the
 * Deployment itself are seen, not those that it takes from elsewhere.
 * @throws AppError ERR_CONFIG naming every bad variable: such a webhook does not start.
 */
export function webhookSettings(
  deployment: JsonObject | undefined,
  namespace: string,
): WebhookConfig {
  return loadWebhookConfig({ ...environmentOf(deployment), POD_NAMESPACE: namespace })
}

/** The images that the Deployment's containers run, by their names. */
export function imagesOf(deployment: JsonObject | undefined): readonly string[] {
  return containersOf(deployment).map((container) => textAt(container, 'image'))
}

function environmentOf(deployment: JsonObject | undefined): Environment {
  const [container] = containersOf(deployment)
  const entries = arrayAt(container, 'env').map((entry) => [
    textAt(entry, 'name'),
    textAt(entry, 'value'),
  ])
  return Object.fromEntries(entries) as Environment
}

/** The webhook's own container first, should something have been put beside it. */
function containersOf(deployment: JsonObject | undefined): readonly unknown[] {
  const containers = arrayAt(deployment, 'spec', 'template', 'spec', 'containers')
  const own = containers.filter((container) => valueAt(container, 'name') === 'webhook')
  return [...own, ...containers.filter((container) => !own.includes(container))]
}
