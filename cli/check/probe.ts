/**
 * Whether the webhook answers the API server: a Deployment is created in a dry run, which the webhook
 * sees like any other and which stores nothing.
 */
import type { KubeClient } from '../../lib/kube/client.ts'
import { SIDECAR_NAME } from '../../sidecar/contract.ts'
import { INJECT } from '../../webhook/admission/annotations.ts'
import { isObject, valueAt } from '../../webhook/admission/json.ts'
import { hasSidecar } from '../../webhook/admission/uninject.ts'
import { known, type Known } from '../cluster/known.ts'

/**
 * What came of a dry run. `silent`: the workload was admitted as it was and nobody said why, which is
 * what happens where the webhook cannot be reached or is not trusted.
 */
export type ProbeAnswer =
  | { readonly kind: 'injected' }
  | { readonly kind: 'refused'; readonly warning: string }
  | { readonly kind: 'silent' }

/** A dry run in a namespace. */
export interface Probe {
  readonly namespace: string
  readonly answer: Known<ProbeAnswer>
}

/** Longer than the API server waits for the webhook (2 s), and for others beside it. */
const PROBE_TIMEOUT_MS = 8000

/** Runs dry in a namespace. Never rejects. */
export async function probe(client: KubeClient, namespace: string): Promise<Probe> {
  return { namespace, answer: await known(runDry(client, namespace)) }
}

async function runDry(client: KubeClient, namespace: string): Promise<ProbeAnswer> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
  const { text, headers } = await client.exchange(path, {
    method: 'POST',
    query: { dryRun: 'All', fieldManager: 'podtap-check' },
    body: PROBE,
    timeoutMs: PROBE_TIMEOUT_MS,
  })
  const template = valueAt(JSON.parse(text), 'spec', 'template')
  if (isObject(template) && hasSidecar(template)) return { kind: 'injected' }
  const warning = warningsIn(headers.warning).find((each) => each.startsWith('podtap: '))
  return warning === undefined ? { kind: 'silent' } : { kind: 'refused', warning }
}

/**
 * The annotation makes the webhook say why it refuses where nobody asked for anything: a workload that
 * bears none of its keys is left alone in silence.
 */
const PROBE = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'podtap-check' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'podtap-check' } },
    template: {
      metadata: { labels: { app: 'podtap-check' }, annotations: { [INJECT]: 'enabled' } },
      spec: { containers: [{ name: 'check', image: `${SIDECAR_NAME}.invalid/check` }] },
    },
  },
}

/**
 * The texts of Warning headers, which node:http joins: `299 - "first", 299 - "second"`. Source:
 * RFC 7234 §5.5; the API server quotes them as Go does.
 */
export function warningsIn(header: string | undefined): readonly string[] {
  const quoted = (header ?? '').matchAll(/\d{3} \S+ ("(?:[^"\\]|\\.)*")/g)
  return [...quoted].map(([, text = '""']) => text.slice(1, -1).replaceAll(/\\(.)/g, '$1'))
}
