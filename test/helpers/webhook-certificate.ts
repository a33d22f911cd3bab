/** The webhook's certificate in a real cluster: its Secret, who trusts it, and what replicas serve. */
import { X509Certificate } from 'node:crypto'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { submit, workload } from './cluster-laws.ts'
import { get, kubectl, kubectlAnyStatus, podsOf, until, withInput } from './cluster.ts'

const SECRET = 'podtap-webhook-tls'

/** Replaces the Secret as somebody else would: without podtap's label, whole. PEM by key. */
export async function putGivenSecret(pems: Readonly<Record<string, string>>): Promise<void> {
  const secret: JsonObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: SECRET, namespace: 'podtap' },
    stringData: pems,
  }
  const exists = (await readSecret()) !== undefined
  await withInput(JSON.stringify(secret), exists ? 'replace' : 'create', '-f', '-')
}

/** Edits the Secret in place, as `kubectl edit` would: labels and other keys stay. Any text by key. */
export async function editSecret(texts: Readonly<Record<string, string>>): Promise<void> {
  const patch = JSON.stringify({ stringData: texts })
  await kubectl('-n', 'podtap', 'patch', 'secret', SECRET, '-p', patch)
}

/** What the Secret holds, PEM by key; undefined: there is none. */
export async function readSecret(): Promise<Readonly<Record<string, string>> | undefined> {
  const found = await kubectl(
    ...['-n', 'podtap', 'get', 'secret', SECRET, '--ignore-not-found', '-o', 'json'],
  )
  if (found === '') return undefined
  const { data } = JSON.parse(found) as { data: Record<string, string> }
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  )
}

/** Puts authorities (PEM, or any other text) into the caBundle. */
export async function putTrusted(text: string): Promise<void> {
  const value = Buffer.from(text).toString('base64')
  await patchConfiguration({ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value })
}

/** Patches MutatingWebhookConfiguration `podtap` by one JSON Patch operation. */
export async function patchConfiguration(...operations: readonly JsonObject[]): Promise<void> {
  const patch = JSON.stringify(operations)
  await kubectl('patch', 'mutatingwebhookconfiguration', 'podtap', '--type=json', '-p', patch)
}

/** The authorities in the caBundle, PEM. */
export async function readTrusted(): Promise<string> {
  const { webhooks } = await get<{
    webhooks: readonly { clientConfig: { caBundle?: string } }[]
  }>('mutatingwebhookconfiguration', 'podtap')
  return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString()
}

/** When a certificate (PEM) expires, in whole seconds since the epoch. */
export function expiryOf(cert: string): number {
  return new X509Certificate(cert).validToDate.getTime() / 1000
}

/** Waits until all replicas serve the certificate that expires at the same second as `cert`. */
export async function served(cert: string): Promise<void> {
  const expected = expiryOf(cert)
  await until('the certificate to be served by all replicas', async () => {
    const expiries = await servedExpiries()
    return expiries.length > 0 && expiries.every((expiry) => expiry === expected)
  })
}

/** By replica, when the certificate that it serves expires; seconds since the epoch. */
export async function servedExpiries(): Promise<readonly number[]> {
  return readMetric('podtap_certificate_expiry_timestamp_seconds')
}

/** A sample of the webhook's metrics, `name{labels}`, of each replica. */
export async function readMetric(sample: string): Promise<readonly number[]> {
  const pods = await podsOf('podtap', 'podtap-webhook')
  return Promise.all(
    pods.map(async ({ metadata }) => {
      const path = `/api/v1/namespaces/podtap/pods/https:${metadata.name}:10250/proxy/metrics`
      const lines = (await kubectl('get', '--raw', path)).split('\n')
      const line = lines.find((each) => each.startsWith(`${sample} `))
      if (line === undefined) throw new Error(`${metadata.name} has no sample ${sample}`)
      return Number(line.split(' ').at(-1))
    }),
  )
}

/** Container IDs of all replicas: the same ones later mean that none was restarted or replaced. */
export async function replicaContainers(): Promise<readonly string[]> {
  const pods = await podsOf('podtap', 'podtap-webhook')
  return pods.flatMap(({ status }) => status.containerStatuses.map((each) => each.containerID))
}

/** What `/readyz` of each replica says. */
export async function readiness(): Promise<readonly unknown[]> {
  const pods = await podsOf('podtap', 'podtap-webhook')
  return Promise.all(
    pods.map(async ({ metadata }) => {
      const path = `/api/v1/namespaces/podtap/pods/https:${metadata.name}:10250/proxy/readyz`
      return JSON.parse(await kubectlAnyStatus('get', '--raw', path)) as unknown
    }),
  )
}

/** Whether a Deployment that somebody would create in an enabled namespace now gets the sidecar. */
export async function isInjected(namespace: string): Promise<boolean> {
  const args = ['-n', namespace, 'create', '-f', '-', '--dry-run=server', '-o', 'json']
  return (await submit(workload('Deployment/web'), ...args)).stdout.includes('"name": "podtap"')
}
