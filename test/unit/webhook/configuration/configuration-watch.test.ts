import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { createLogger } from '../../../../lib/logger.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { ConfigurationWatch } from '../../../../webhook/configuration/configuration-watch.ts'
import { WANTED_REVIEWS } from '../../../../webhook/configuration/configuration-problems.ts'
import { clientOf } from '../../../helpers/kube-client.ts'
import { startKubeStore, type KubeStore } from '../../../helpers/kube-store.ts'
import { OWN, PATHS } from '../../../helpers/own-objects.ts'
import { until } from '../../../helpers/until.ts'

const RULES = WANTED_REVIEWS.map((wanted) => {
  const [, operation = '', resource = '', group = ''] = /^(\w+) (\w+)\.(.*)$/.exec(wanted) ?? []
  return { operations: [operation], apiGroups: [group], resources: [resource] }
})

suite('the webhook configuration', { timeout: 60_000 }, () => {
  let api: KubeStore
  let ending: AbortController
  let ended: Promise<void>
  let watch: ConfigurationWatch
  let told: string[]
  let changes: number

  const put = (fields: JsonObject = {}): void => {
    const clientConfig = { service: { namespace: 'podtap', name: 'podtap-webhook' } }
    const webhook = {
      name: 'inject.podtap.dev',
      clientConfig,
      rules: RULES,
      failurePolicy: 'Ignore',
    }
    api.put(PATHS.configuration, {
      metadata: { name: 'podtap' },
      webhooks: [{ ...webhook, ...fields }],
    })
  }
  const problems = (count: number): Promise<unknown> =>
    until(
      () => `${count} problems, there are: ${watch.problems.join('\n')}`,
      () => watch.problems.length === count && told.length >= count,
    )

  beforeEach(async () => {
    api = await startKubeStore()
    put()
    api.put('/api/v1/namespaces/shop', { metadata: { name: 'shop', labels: { team: 'web' } } })
    told = []
    changes = 0
    ending = new AbortController()
    watch = new ConfigurationWatch({
      client: clientOf(api),
      own: OWN,
      logger: createLogger('test', 'silent'),
      enabled: () => ['shop'],
      onChange: () => (changes += 1),
      onProblem: (problem) => told.push(problem),
      graceMs: 50,
    })
    ended = watch.run(ending.signal)
    await until(
      () => 'the first look',
      () => changes > 0,
    )
  })
  afterEach(async () => {
    ending.abort()
    await ended
    await api.stop()
  })

  test('that was edited by hand is told once, and left as it is', async () => {
    put({ failurePolicy: 'Fail', namespaceSelector: { matchLabels: { team: 'bank' } } })
    await problems(2)
    watch.trigger()
    put({ failurePolicy: 'Fail', namespaceSelector: { matchLabels: { team: 'web' } } })
    await problems(1)

    assert.deepEqual(
      told.map((problem) => problem.split(': ')[1]),
      ['failurePolicy', 'namespaceSelector'],
    )
    assert.deepEqual(api.writes, [])
  })

  test('is forgotten where another process leads', async () => {
    put({ failurePolicy: 'Fail' })
    await problems(1)

    ending.abort()
    await ended

    assert.deepEqual(watch.problems, [])
  })

  test('that is gone is not its matter', async () => {
    const before = changes
    api.remove(PATHS.configuration)
    await until(
      () => 'the news',
      () => changes > before,
    )

    put({ failurePolicy: 'Fail' })
    await problems(1)
  })
})
