/** `kubectl annotate namespace … && kubectl rollout restart …` in one line, again and again. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import type { JsonObject } from '../../webhook/admission/json.ts'
import { closeNamespaces, openNamespace, submit, workload } from '../helpers/cluster-laws.ts'
import { get, kubectl, rollout, installPodtap } from '../helpers/cluster.ts'

const NS = 'podtap-storm'
const execute = promisify(execFile)

suite('annotate and restart in one shell line', { timeout: 240_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS, { annotations: {} })
  })
  after(async () => {
    await closeNamespaces(NS)
  })

  test('injects 200 times of 200, with two replicas of the webhook', async () => {
    await createDeployments('steady', 200)

    await annotateAndRestart('steady', 200)

    assert.deepEqual(await withoutSidecar('steady'), [])
  })

  test('and also while all replicas of the webhook are replaced', async () => {
    await createDeployments('rolling', 40)
    await kubectl('-n', 'podtap', 'rollout', 'restart', 'deployment/podtap-webhook')

    await Promise.all([annotateAndRestart('rolling', 40), rollout('podtap', 'podtap-webhook')])

    assert.deepEqual(await withoutSidecar('rolling'), [])
  })
})

/** As many as there are restarts: `rollout restart` refuses to restart one twice in a second. */
async function createDeployments(prefix: string, count: number): Promise<void> {
  const items = Array.from({ length: count }, (_, i) => workload(`Deployment/${prefix}-${i + 1}`))
  const list: JsonObject = { apiVersion: 'v1', kind: 'List', items }
  await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject-')
  await submit(list, '-n', NS, 'create', '-f', '-')
}

/** The annotation is taken away first, so that what the webhook last saw always says no. */
async function annotateAndRestart(prefix: string, count: number): Promise<void> {
  const line =
    `kubectl annotate namespace ${NS} podtap.dev/inject- && ` +
    `kubectl annotate namespace ${NS} podtap.dev/inject=enabled && ` +
    `kubectl -n ${NS} rollout restart deployment/${prefix}-$i`
  const script = `set -e; for i in $(seq ${count}); do ${line}; done`
  await execute('sh', ['-c', script], { timeout: 180_000 })
}

async function withoutSidecar(prefix: string): Promise<readonly string[]> {
  const { items } = await get<{ items: readonly Deployment[] }>('-n', NS, 'deployments')
  const own = items.filter(({ metadata }) => metadata.name.startsWith(prefix))
  assert.ok(own.length > 0)
  const bare = own.filter(({ spec }) => !JSON.stringify(spec.template).includes('"name":"podtap"'))
  return bare.map(({ metadata }) => metadata.name)
}

interface Deployment {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly template: unknown }
}
