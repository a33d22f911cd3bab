/** Which replica of the webhook leads, and the API server's own count of reviews that it gave up. */
import { get, kubectl } from './cluster.ts'

/** Identity of the one that leads, `POD_RANDOM`; empty while nobody does. */
export async function leader(): Promise<string> {
  const lease = await get<{ spec: { holderIdentity?: string } }>(
    ...['-n', 'podtap', 'lease', 'podtap-webhook'],
  )
  return lease.spec.holderIdentity ?? ''
}

/**
 * Reviews that the API server gave up, by its own count since it was started: it then went on without
 * them (`failurePolicy: Ignore`). Source: apiserver_admission_webhook_fail_open_count of kube-apiserver.
 */
export async function failOpenCount(): Promise<number> {
  const lines = (await kubectl('get', '--raw', '/metrics')).split('\n')
  const ours = lines.filter((line) =>
    /^apiserver_admission_webhook_fail_open_count\{.*inject\.podtap\.dev/.test(line),
  )
  return ours.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
