import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { podtap, type CliEnd } from '../../../helpers/cli.ts'
import { injected, pod, stored } from '../../../helpers/covered.ts'
import { startKubeStore, type KubeStore, type StoredObject } from '../../../helpers/kube-store.ts'
import { kubeconfigFile } from '../../../helpers/kubeconfig-file.ts'
import { podTemplate } from '../../../helpers/situation.ts'

const LIMIT = { timeout: 60_000 }
const ROLLED_OUT = { replicas: 1, updatedReplicas: 1, availableReplicas: 1, currentRevision: 'a' }

test('nothing to refresh is said, and is success', LIMIT, async (t) => {
  const { run } = await start(t, { template: injected() })

  const { code, stdout } = await run('-n', 'shop', '--yes')

  assert.equal(stdout, 'nothing to refresh: 1 workloads are as they should be\n')
  assert.equal(code, 0)
})

test('without --yes the plan is shown and nothing is changed', LIMIT, async (t) => {
  const { api, run } = await start(t)
  api.put('/api/v1/namespaces/shop/pods/alone', pod('alone', podTemplate()) as StoredObject)

  for (const args of [[], ['--dry-run']]) {
    const { code, stdout, stderr } = await run('-n', 'shop', ...args)

    assert.equal(
      stdout,
      [
        'NAMESPACE  WORKLOAD        STATE   PODS  ACTION   REMARK',
        'shop       pod/alone       missed  1/1   leave    must be made anew by whoever made it',
        'shop       statefulset/db  missed  1/1   restart',
        '',
      ].join('\n'),
    )
    assert.equal(
      stderr,
      'podtap: nothing was changed: 1 of 2 can be refreshed from here; --yes does it\n',
    )
    assert.equal(code, 1)
  }
  assert.deepEqual(api.writes, [])
})

test('a webhook that is away is noticed by a rehearsal, and nothing restarts', LIMIT, async (t) => {
  const { run } = await start(t)

  const { code, stdout } = await run('-n', 'shop', '--yes')

  assert.match(stdout, /statefulset\/db: left as it is: the webhook did not do at a rehearsal/)
  assert.match(stdout, /^refreshed: 0, left: 1$/m)
  assert.equal(code, 1)
})

test('a budget that permits nothing in time leaves the workload as it is', LIMIT, async (t) => {
  const { api, run } = await start(t)
  api.put('/apis/policy/v1/namespaces/shop/poddisruptionbudgets/db', {
    metadata: { name: 'db' },
    spec: { selector: { matchLabels: { app: 'web' } } },
    status: { disruptionsAllowed: 0 },
  })

  const { code, stdout } = await run('-n', 'shop', '--yes', '--timeout', '1s')

  const problem = 'PodDisruptionBudget db allows 0 disruptions now, its rollout needs 1'
  assert.ok(stdout.includes(`[1/1] shop statefulset/db: waits: ${problem}\n`), stdout)
  assert.ok(stdout.includes(`[1/1] shop statefulset/db: ${problem}\n`), stdout)
  assert.equal(code, 1)
  assert.deepEqual(api.writes, [])
})

test('a wrong use names what is wrong, and changes nothing', LIMIT, async (t) => {
  const { api, run } = await start(t)
  const cases = [
    [['db', '-n', 'shop'], /^podtap: db: expected KIND\/NAME such as deployment\/web/],
    [['sts/nope', '-n', 'shop', '--yes'], /^podtap: statefulset\/nope: not in this namespace/],
    [['sts/db', '-A'], /^podtap: a workload has one namespace: give -n instead of -A/],
    [['--dry-run', '--yes'], /^podtap: --dry-run and --yes exclude each other/],
    [['--timeout', 'soon'], /'soon' is invalid. expected a time such as 90s or 10m/],
  ] as const
  for (const [args, expected] of cases) {
    const { code, stderr } = await run(...args)

    assert.match(stderr, expected)
    assert.equal(code, 2)
  }
  assert.deepEqual(api.writes, [])
})

/** An API server with podtap, and one StatefulSet `shop/db` with one pod, made from `template`. */
async function start(
  t: TestContext,
  { template = podTemplate() } = {},
): Promise<{ api: KubeStore; run: (...args: string[]) => Promise<CliEnd> }> {
  const api = await startKubeStore()
  t.after(() => api.stop())
  api.put('/version', { metadata: { name: 'version' }, major: '1', minor: '36' })
  api.put('/api/v1/namespaces/shop', {
    metadata: { name: 'shop', annotations: { 'podtap.dev/inject': 'enabled' } },
  })
  const db = stored('StatefulSet/db', template) as StoredObject
  api.put('/apis/apps/v1/namespaces/shop/statefulsets/db', {
    ...db,
    status: { ...ROLLED_OUT, updateRevision: 'a' },
  })
  const owner = 'apps/v1 StatefulSet db'
  api.put('/api/v1/namespaces/shop/pods/db-0', pod('db-0', template, { owner }) as StoredObject)
  const kubeconfig = kubeconfigFile(t, api.url, { namespace: 'shop' })
  const environment = { KUBECONFIG: kubeconfig }
  return { api, run: (...args) => podtap(['refresh', ...args], { environment }) }
}
