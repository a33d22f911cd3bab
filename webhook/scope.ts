/**
 * SCOPE=enabled: the API server calls the webhook for enabled namespaces only, so that an outage can
 * touch nobody else. The price: a namespace that was enabled a moment ago may not be in the selector
 * yet, and what is deployed in that moment is missed.
 */
import type { KubeClient } from '../lib/kube/client.ts'
import { arrayAt, isObject, objectAt, textAt, valueAt, type JsonObject } from './admission/json.ts'
import { CONFIGURATIONS_PATH, isOurs } from './certificates/ca-bundle.ts'
import type { OwnObjects } from './config.ts'

/** Written on the configuration while its selector is narrowed, so that it can be widened again. */
export const SCOPE_ANNOTATION = 'podtap.dev/scope'

const NAME_LABEL = 'kubernetes.io/metadata.name'

/**
 * Makes the namespaceSelector of our webhooks `kubernetes.io/metadata.name In [enabled…]`, beside
 * everybody else's expressions, or, with `enabled` undefined, takes that expression away where it was
 * written here. Returns whether anything had to be written.
 * @throws KubeError, also when the configuration changed meanwhile (try again).
 */
export async function putScope(
  client: KubeClient,
  own: OwnObjects,
  enabled: readonly string[] | undefined,
): Promise<boolean> {
  const path = `${CONFIGURATIONS_PATH}/${own.webhookConfiguration}`
  const configuration = await client.request(path)
  const annotations = objectAt(configuration, 'metadata', 'annotations')
  if (enabled === undefined && annotations[SCOPE_ANNOTATION] === undefined) return false
  const operations = arrayAt(configuration, 'webhooks').flatMap((webhook, index) =>
    isOurs(webhook, own) ? selectorPatch(webhook, index, expressionFor(enabled, own)) : [],
  )
  const body = [...operations, ...annotationPatch(configuration, enabled !== undefined)]
  if (body.length === 0) return false
  await client.request(path, { method: 'PATCH', contentType: 'application/json-patch+json', body })
  return true
}

/** `In` must not be empty; our own namespace stands for none, because it is excluded beside it. */
function expressionFor(
  enabled: readonly string[] | undefined,
  own: OwnObjects,
): readonly JsonObject[] {
  if (enabled === undefined) return []
  const values = enabled.length === 0 ? [own.namespace] : enabled
  return [{ key: NAME_LABEL, operator: 'In', values }]
}

/** The test makes the patch fail instead of hitting another webhook, should their order change. */
function selectorPatch(
  webhook: unknown,
  index: number,
  wanted: readonly JsonObject[],
): readonly JsonObject[] {
  const selector = objectAt(webhook, 'namespaceSelector')
  const present = arrayAt(selector, 'matchExpressions')
  const expressions = [...present.filter((expression) => !isScope(expression)), ...wanted]
  if (JSON.stringify(present.map(read)) === JSON.stringify(expressions.map(read))) return []
  const value = { ...selector, matchExpressions: expressions }
  return [
    { op: 'test', path: `/webhooks/${index}/name`, value: textAt(webhook, 'name') },
    { op: 'test', path: `/webhooks/${index}/namespaceSelector`, value: selector },
    { op: 'add', path: `/webhooks/${index}/namespaceSelector`, value },
  ]
}

function annotationPatch(configuration: unknown, narrowed: boolean): readonly JsonObject[] {
  const annotations = valueAt(configuration, 'metadata', 'annotations')
  const path = '/metadata/annotations/podtap.dev~1scope'
  if ((valueAt(annotations, SCOPE_ANNOTATION) !== undefined) === narrowed) return []
  if (!narrowed) return [{ op: 'remove', path }]
  const value = 'enabled'
  if (isObject(annotations)) return [{ op: 'add', path, value }]
  return [{ op: 'add', path: '/metadata/annotations', value: { [SCOPE_ANNOTATION]: value } }]
}

/** The one expression that is written here: nobody else selects namespaces by their names so. */
function isScope(expression: unknown): boolean {
  return textAt(expression, 'key') === NAME_LABEL && textAt(expression, 'operator') === 'In'
}

function read(expression: unknown): readonly unknown[] {
  return ['key', 'operator', 'values'].map((field) => valueAt(expression, field))
}
