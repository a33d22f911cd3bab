import assert from 'node:assert/strict'
import test from 'node:test'
import { budgetProblem, takenAway } from '../../../../cli/refresh/budget.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'

const ROLLING = 'RollingUpdate'

test('a rollout takes away what its strategy lets it', () => {
  const cases: readonly (readonly [JsonObject, number])[] = [
    [deployment({ replicas: 3 }), 0],
    [deployment({ replicas: 4 }), 1],
    [deployment({ replicas: 3, strategy: { type: 'Recreate' } }), 3],
    [deployment({ replicas: 3, strategy: rolling({ maxUnavailable: 2 }) }), 2],
    [deployment({ replicas: 3, strategy: rolling({ maxUnavailable: '50%' }) }), 1],
    [deployment({ replicas: 3, strategy: rolling({ maxUnavailable: 0, maxSurge: 0 }) }), 1],
    [deployment({ replicas: 1, strategy: rolling({ maxUnavailable: 2 }) }), 1],
    [deployment({ replicas: 0, strategy: { type: 'Recreate' } }), 0],
    [{ kind: 'StatefulSet', spec: { replicas: 3 } }, 1],
    [{ kind: 'StatefulSet', spec: { replicas: 0 } }, 0],
    [
      {
        kind: 'StatefulSet',
        spec: { replicas: 3, updateStrategy: rolling({ maxUnavailable: 2 }) },
      },
      2,
    ],
    [daemonSet({}), 1],
    [daemonSet({ updateStrategy: rolling({ maxUnavailable: '30%' }) }), 2],
    [daemonSet({ updateStrategy: rolling({ maxSurge: 1, maxUnavailable: 0 }) }), 0],
  ]
  for (const [object, expected] of cases) {
    assert.equal(takenAway(object), expected, JSON.stringify(object))
  }
})

test('a budget that allows less than that is named, with both numbers', () => {
  const web = deployment({ replicas: 4 })

  assert.equal(
    budgetProblem(web, [budget('api', 0, { app: 'api' }), budget('web', 0, { app: 'web' })]),
    'PodDisruptionBudget web allows 0 disruptions now, its rollout needs 1',
  )
  assert.equal(budgetProblem(web, [budget('web', 1, { app: 'web' })]), undefined)
  assert.equal(budgetProblem(web, []), undefined)
})

test('a rollout that takes nothing away needs no budget', () => {
  const web = deployment({ replicas: 3 })

  assert.equal(budgetProblem(web, [budget('web', 0, { app: 'web' })]), undefined)
})

function deployment(spec: JsonObject): JsonObject {
  const template = { metadata: { labels: { app: 'web' } } }
  return { kind: 'Deployment', spec: { ...spec, template } }
}

function daemonSet(spec: JsonObject): JsonObject {
  return { kind: 'DaemonSet', spec, status: { desiredNumberScheduled: 5 } }
}

function rolling(rollingUpdate: JsonObject): JsonObject {
  return { type: ROLLING, rollingUpdate }
}

function budget(name: string, disruptionsAllowed: number, matchLabels: JsonObject): JsonObject {
  return { metadata: { name }, spec: { selector: { matchLabels } }, status: { disruptionsAllowed } }
}
