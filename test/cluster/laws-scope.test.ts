/** SCOPE=enabled: the API server asks about enabled namespaces only. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { closeNamespaces, look, openNamespace, submit, workload } from '../helpers/cluster-laws.ts'
import { get, kubectl, rollout, until, installPodtap } from '../helpers/cluster.ts'

const NS = 'podtap-scope'
const FOREIGN = { key: 'control-plane', operator: 'NotIn', values: ['true'] }

suite('the scope of the webhook', { timeout: 120_000 }, () => {
  before(async () => {
    await installPodtap()
    await openNamespace(NS, { annotations: {} })
    await patchSelector({ matchExpressions: [FOREIGN] })
  })
  after(async () => {
    await setScope('SCOPE-')
    await patchSelector({})
    await closeNamespaces(NS)
  })

  test('follows the enabled namespaces, keeps the other expressions, and is given up again', async () => {
    const before = await expressions()
    await setScope('SCOPE=enabled')
    await until('a selector without the namespace', async () => {
      const narrowed = (await expressions()).find(({ operator }) => operator === 'In')
      return narrowed?.values.includes(NS) === false
    })

    await kubectl('annotate', 'namespace', NS, 'podtap.dev/inject=enabled')
    const narrowed = await until('a selector with it', async () => {
      const now = await expressions()
      return now.some(({ operator, values }) => operator === 'In' && values.includes(NS)) && now
    })
    await submit(workload('Deployment/web'), '-n', NS, 'create', '-f', '-')
    const { containers } = await look(NS, 'deployment/web')
    await setScope('SCOPE-')

    assert.deepEqual(narrowed.slice(0, -1), before)
    assert.deepEqual(before, [FOREIGN])
    assert.deepEqual([...containers].sort(), ['podtap', 'web'])
    await until(
      'the selector as it was',
      async () => (await expressions()).length === before.length,
    )
  })
})

/** Sets a variable of the webhook, or (`NAME-`) takes it away, and waits for the old replica to be gone. */
async function setScope(variable: string): Promise<void> {
  await kubectl('-n', 'podtap', 'set', 'env', 'deployment/podtap-webhook', variable)
  await rollout('podtap', 'podtap-webhook')
}

/** Writes the selector as somebody else would: some clouds add an expression of their own. */
async function patchSelector(selector: object): Promise<void> {
  const path = '/webhooks/0/namespaceSelector'
  const body = JSON.stringify([{ op: 'replace', path, value: selector }])
  const target = ['mutatingwebhookconfiguration', 'podtap']
  await kubectl('patch', ...target, '--type=json', '-p', body)
}

interface Expression {
  readonly key: string
  readonly operator: string
  readonly values: readonly string[]
}

async function expressions(): Promise<readonly Expression[]> {
  const { webhooks } = await get<{
    webhooks: readonly { namespaceSelector: { matchExpressions?: readonly Expression[] } }[]
  }>('mutatingwebhookconfiguration', 'podtap')
  return webhooks[0]?.namespaceSelector.matchExpressions ?? []
}
