/**
 * That the webhook needs nothing which its NetworkPolicy does not permit. The cluster of the tests has
 * no network plugin that enforces policies, so the ports of ours become packet filters of its nodes.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { parse } from 'yaml'
import { closeNamespaces, look, openNamespace, submit, workload } from '../helpers/cluster-laws.ts'
import { FOREIGN_CLUSTER, get, installPodtap, kubectl, podsOf, until } from '../helpers/cluster.ts'
import { killReplica, leader } from '../helpers/leader.ts'
import { runTool } from '../helpers/run-tool.ts'

const NS = 'podtap-policy'
const TABLE = 'inet podtap-policy'
const NODES = [[], ['ip', 'netns', 'exec', 'podtap-b']] as const
const POLICY = join(import.meta.dirname, '../../manifests/network-policy/network-policy.yaml')
/** Both containers start anew, one of them after a pause that the kubelet doubles each time. */
const RESTART_MS = 180_000

interface Rule {
  readonly ports: readonly { readonly protocol: string; readonly port: number }[]
}
interface Policy {
  readonly spec: { readonly ingress: readonly Rule[]; readonly egress: readonly Rule[] }
}

suite('the webhook behind its NetworkPolicy', { timeout: 600_000, skip: FOREIGN_CLUSTER }, () => {
  let addresses: readonly string[] = []
  before(async () => {
    await installPodtap()
    await openNamespace(NS)
    const pods = await podsOf('podtap', 'podtap-webhook')
    addresses = pods.map(({ status }) => status.podIP)
    filter(filtersFor(parse(readFileSync(POLICY, 'utf8')) as Policy, addresses))
  })
  after(async () => {
    // Added first, because one that is not there cannot be deleted.
    filter(`add table ${TABLE}\ndelete table ${TABLE}\n`)
    await closeNamespaces(NS)
  })

  test('a stranger reaches port 10250 of it, and no other', async () => {
    const [address = ''] = addresses

    assert.equal(await outcomeOf(address, 10250), 'connected')
    assert.equal(await outcomeOf(address, 8080), 'timed out')
  })

  test('it reaches the API server, and nothing else', async () => {
    const server = await get<{ spec: { clusterIP: string } }>('-n', 'default', 'service/kubernetes')
    const [pod] = await podsOf('podtap', 'podtap-webhook')
    const kubelet = await get<{ status: { addresses: readonly { address: string }[] } }>(
      ...['node', pod!.spec.nodeName],
    )

    assert.equal(await outcomeFrom(pod!.metadata.name, server.spec.clusterIP, 443), 'connected')
    const [{ address } = { address: '' }] = kubelet.status.addresses
    assert.equal(await outcomeFrom(pod!.metadata.name, address, 10250), 'timed out')
  })

  test('restarted behind it, it becomes ready, leads and answers reviews', async () => {
    const before = await leader()
    const restarted = await restarts()
    for (const { metadata } of await podsOf('podtap', 'podtap-webhook')) {
      await killReplica(metadata.name)
    }

    await until('new containers', async () => (await restarts()) === restarted + 2, RESTART_MS)
    await kubectl(
      ...['-n', 'podtap', 'wait', '--for=condition=Ready', 'pod', '--timeout=180s'],
      ...['-l', 'app.kubernetes.io/name=podtap-webhook'],
    )
    await until('a leader', async () => ![before, ''].includes(await leader()), RESTART_MS)
    await submit(workload('Deployment/web'), '-n', NS, 'create', '-f', '-')

    assert.deepEqual((await look(NS, 'deployment/web')).containers, ['podtap', 'web'])
  })
})

/** How often the containers of the replicas were started anew, in all. */
async function restarts(): Promise<number> {
  const pods = await podsOf('podtap', 'podtap-webhook')
  return pods.reduce((sum, { status }) => sum + status.containerStatuses[0]!.restartCount, 0)
}

/** A table for nftables: what the policy does not name is dropped where it begins or ends at a replica. */
function filtersFor({ spec }: Policy, pods: readonly string[]): string {
  const accept = (side: 'saddr' | 'daddr', rules: readonly Rule[]): string[] =>
    rules.flatMap(({ ports }) =>
      ports.map(({ protocol, port }) => {
        return `ip ${side} @pods ${protocol.toLowerCase()} dport ${port} accept`
      }),
    )
  const rules = [
    'ct state established,related accept',
    ...accept('daddr', spec.ingress),
    'ip daddr @pods drop',
    ...accept('saddr', spec.egress),
    'ip saddr @pods drop',
  ]
  const hooks = ['input', 'forward', 'output'].map((hook) => {
    return `chain ${hook} { type filter hook ${hook} priority 0; jump permitted; }`
  })
  const set = `set pods { type ipv4_addr; elements = { ${pods.join(', ')} }; }`
  return `table ${TABLE} {\n${set}\nchain permitted {\n${rules.join('\n')}\n}\n${hooks.join('\n')}\n}\n`
}

function filter(rules: string): void {
  for (const inNode of NODES) {
    const [program = '', ...args] = [...inNode, 'nft', '-f', '-']
    const { status, stderr } = runTool(program, args, { input: rules })
    assert.equal(status, 0, stderr)
  }
}

type Outcome = 'connected' | 'timed out' | 'refused'

/** What becomes of a connection from this machine, which is a node. */
function outcomeOf(host: string, port: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 })
    const end = (outcome: Outcome) => () => {
      socket.destroy()
      resolve(outcome)
    }
    socket.on('connect', end('connected')).on('timeout', end('timed out'))
    socket.on('error', end('refused'))
  })
}

/** The same from a replica of the webhook. */
async function outcomeFrom(pod: string, host: string, port: number): Promise<string> {
  const source = `
    const socket = require('node:net').connect({ host: '${host}', port: ${port}, timeout: 2000 })
    const end = (outcome) => () => { socket.destroy(); console.log(outcome) }
    socket.on('connect', end('connected')).on('timeout', end('timed out')).on('error', end('refused'))`
  return (await kubectl('-n', 'podtap', 'exec', pod, '--', 'node', '-e', source)).trim()
}
