import assert from 'node:assert/strict'
import test from 'node:test'
import { planRefresh } from '../../../../cli/refresh/plan.ts'
import { parseTarget, selectTargets } from '../../../../cli/refresh/targets.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import type { WorkloadCoverage } from '../../../../webhook/coverage/coverage.ts'
import type { CoverageState } from '../../../../webhook/coverage/judge.ts'

test('what a rollout can mend is restarted, and what is as it should be is left out', () => {
  const plan = planRefresh([
    covered('Deployment/web', 'missed', ['missed', 'mirrored']),
    covered('StatefulSet/db', 'stale', ['stale']),
    covered('DaemonSet/agent', 'unwanted', ['unwanted', 'unwanted']),
    covered('Deployment/fine', 'mirrored', ['mirrored']),
    covered('Deployment/out', 'refused', ['refused']),
  ])

  assert.deepEqual(lines(plan), [
    'Deployment/web missed 1 restart ',
    'StatefulSet/db stale 1 restart ',
    'DaemonSet/agent unwanted 2 restart ',
  ])
})

test('what no rollout can mend is left, each with its reason', () => {
  const owned = {
    reason: 'operator-owned' as const,
    detail: 'owned by Kafka events, which would undo the change',
  }
  const plan = planRefresh([
    covered('Deployment/paused', 'missed', ['missed'], { spec: { paused: true } }),
    covered('DaemonSet/manual', 'stale', ['stale'], {
      spec: { updateStrategy: { type: 'OnDelete' } },
    }),
    { ...covered('Deployment/events', 'refused', ['missed']), ...owned },
    covered('Job/import', 'missed', ['missed']),
    { ...covered('Pod/alone', 'missed', ['missed']), object: undefined },
    covered('CronJob/running', 'mirrored', ['missed']),
  ])

  assert.deepEqual(lines(plan), [
    'Deployment/paused missed 1 leave its rollout is paused; kubectl rollout resume comes first',
    'DaemonSet/manual stale 1 leave updateStrategy OnDelete: each pod changes when somebody deletes it',
    'Deployment/events missed 1 leave owned by Kafka events, which would undo the change; that one has to make its pods anew',
    'Job/import missed 1 leave must be made anew by whoever made it',
    'Pod/alone missed 1 leave must be made anew by whoever made it',
    'CronJob/running missed 1 leave its pods end by themselves',
  ])
})

test('the template of a CronJob is updated, for its next run', () => {
  const plan = planRefresh([covered('CronJob/nightly', 'missed', [])])

  assert.deepEqual(lines(plan), ['CronJob/nightly missed 0 update takes effect at its next run'])
})

test('a target is a kind, as kubectl takes it, and a name', () => {
  for (const raw of ['deployment/web', 'Deployment/web', 'deployments/web', 'deploy/web'])
    assert.deepEqual(parseTarget(raw), { kind: 'Deployment', name: 'web' })
  assert.deepEqual(parseTarget('sts/db'), { kind: 'StatefulSet', name: 'db' })

  for (const raw of [
    'web',
    'service/web',
    'deployment/',
    'deployment/a/b',
    '__proto__/x',
    'constructor/x',
  ]) {
    assert.throws(() => parseTarget(raw), {
      code: 'ERR_CONFIG',
      message:
        `${raw}: expected KIND/NAME such as deployment/web, with one of ` +
        'Deployment, StatefulSet, DaemonSet, Job, CronJob, Pod',
    })
  }
})

test('targets that are not there are named', () => {
  const all = [covered('Deployment/web', 'missed', []), covered('Deployment/api', 'missed', [])]
  const target = (name: string): ReturnType<typeof parseTarget> => ({ kind: 'Deployment', name })

  assert.deepEqual(selectTargets(all, []), all)
  assert.deepEqual(selectTargets(all, [target('web')]), [all[0]])
  assert.throws(() => selectTargets(all, [target('web'), target('wbe')]), {
    code: 'ERR_CONFIG',
    message: 'deployment/wbe: not in this namespace; see podtap status, and -n',
  })
})

function lines(plan: ReturnType<typeof planRefresh>): string[] {
  return plan.map(({ workload, state, drifted, action, remark }) => {
    return `${workload.kind}/${workload.name} ${state} ${drifted} ${action} ${remark}`
  })
}

function covered(
  reference: string,
  state: CoverageState,
  pods: readonly CoverageState[],
  object: JsonObject = {},
): WorkloadCoverage {
  const [kind = '', name = ''] = reference.split('/')
  const judged = { reason: 'enabled' as const, detail: '' }
  const made = pods.map((each, index) => ({ name: `${name}-${index}`, state: each, ...judged }))
  const where = { apiVersion: 'apps/v1', kind, namespace: 'shop', name, uid: '', configHash: '' }
  return { ...where, object, state, ...judged, pods: made }
}
