/** Which replica of the webhook leads, and the API server's own count of reviews that it gave up. */
import assert from 'node:assert/strict'
import { get, kubectl, processesOfContainer, type Pod } from './cluster.ts'

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

/**
 * Ends all processes of a replica's container at once, as the kernel does where memory is short;
 * `identity` as leader() gives it. The nodes must be this machine.
 */
export async function killReplica(identity: string): Promise<void> {
  const [name = ''] = identity.split('_')
  const pod = await get<Pod>('-n', 'podtap', 'pod', name)
  const id = pod.status.containerStatuses[0]?.containerID.replace('containerd://', '')
  const pids = processesOfContainer(id ?? 'no container')
  assert.notEqual(pids.length, 0)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}
