import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { admit } from '../../../../webhook/admission/admit.ts'
import { inject } from '../../../../webhook/admission/inject.ts'
import type { JsonObject } from '../../../../webhook/admission/json.ts'
import { warningText } from '../../../../webhook/admission/messages.ts'
import type { NamespaceFacts } from '../../../../webhook/admission/rules.ts'
import {
  deployment,
  INSTALLATION,
  podTemplate,
  situation,
  workload,
} from '../../../helpers/situation.ts'

const off: NamespaceFacts = { name: 'shop', annotations: {}, labels: {} }

test('a warning is one line of at most 120 characters', () => {
  const text = warningText(`a\n\tb\u0000\u2028c \u202e${'é𝒳'.repeat(100)}`)

  assert.equal(text, `podtap: a b c ${'é𝒳'.repeat(52)}é…`)
  assert.equal(Array.from(text).length, 120)
})

suite('what the person at the keyboard reads', () => {
  const cases: readonly (readonly [
    title: string,
    object: JsonObject,
    namespace: NamespaceFacts | undefined,
    warnings: readonly string[],
  ])[] = [
    ['not enabled: nothing', deployment(podTemplate()), off, []],
    [
      'opted out where nothing is enabled: nothing',
      deployment(podTemplate({ 'podtap.dev/inject': 'disabled' })),
      off,
      [],
    ],
    [
      'owned by an operator where nothing is enabled: nothing',
      deployment(podTemplate(), {
        metadata: { name: 'web', ownerReferences: [{ kind: 'Kafka', controller: true }] },
      }),
      off,
      [],
    ],
    [
      'owned by an operator',
      deployment(podTemplate(), {
        metadata: {
          name: 'web',
          ownerReferences: [{ kind: 'Kafka', name: 'k', controller: true }],
        },
      }),
      undefined,
      [
        'podtap: no change to deployment/web (operator-owned): owned by Kafka k, which would undo the change',
      ],
    ],
    [
      'not enabled, though podtap was asked for',
      deployment(podTemplate({ 'podtap.dev/inject': 'enabled' })),
      off,
      [
        'podtap: no change to deployment/web (not-enabled): namespace shop is not annotated podtap.dev/inject: enabled',
      ],
    ],
    [
      'a bad value, quoted without its control characters',
      deployment(podTemplate({ 'podtap.dev/vni': '\u001b[31mred' })),
      undefined,
      [
        'podtap: no change to deployment/web (bad-annotation)',
        'podtap: podtap.dev/vni: expected an integer 0…16777215 or 0x0…0xffffff, received "\\u001b[31mred"',
      ],
    ],
    [
      'an unknown key',
      deployment(podTemplate({ 'podtap.dev/vnii': '7' })),
      undefined,
      [
        'podtap: sidecar added to deployment/web',
        'podtap: unknown annotation on the pod template, ignored: podtap.dev/vnii',
      ],
    ],
    [
      'an annotation on the workload',
      deployment(podTemplate(), {
        metadata: { name: 'web', annotations: { 'podtap.dev/inject': 'disabled' } },
      }),
      undefined,
      [
        'podtap: sidecar added to deployment/web',
        'podtap: podtap.dev/inject has no effect on a Deployment; it belongs in spec.template.metadata.annotations',
      ],
    ],
    [
      'a paused rollout',
      deployment(podTemplate(), { spec: { paused: true, template: podTemplate() } }),
      undefined,
      [
        'podtap: sidecar added to deployment/web',
        'podtap: the rollout is paused: pods change after kubectl rollout resume',
      ],
    ],
    [
      'pods that change when they are deleted',
      {
        ...deployment(podTemplate(), {
          spec: {
            updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 2 } },
            template: podTemplate(),
          },
        }),
        kind: 'StatefulSet',
      },
      undefined,
      [
        'podtap: sidecar added to statefulset/web',
        'podtap: updateStrategy OnDelete: each pod changes when it is deleted',
        'podtap: updateStrategy partition 2: pods below it do not change',
      ],
    ],
  ]
  for (const [title, object, namespace, warnings] of cases) {
    test(title, () => {
      const surroundings = namespace === undefined ? {} : { namespace }

      const outcome = admit(situation({ workload: workload(object), ...surroundings }))

      assert.deepEqual(outcome.warnings, warnings)
    })
  }
})

suite('what is read after kubectl rollout undo', () => {
  const restarted = { 'kubectl.kubernetes.io/restartedAt': '2026-11-22T06:00:00Z' }
  const old = deployment(inject(podTemplate(restarted), INSTALLATION.sidecar))
  const subject = workload(deployment(podTemplate()), old)

  test('where podtap is enabled: how to add the sidecar again', () => {
    assert.deepEqual(admit(situation({ workload: subject })).warnings, [
      'podtap: no change to deployment/web (rolled-back): an older template is put back as it was',
      'podtap: to add it again: kubectl rollout restart deployment/web -n shop',
    ])
  })

  test('elsewhere: nothing', () => {
    assert.deepEqual(admit(situation({ workload: subject, namespace: off })).warnings, [])
  })
})

test('a PUT that dropped the sidecar tells that it is kept', () => {
  const old = deployment(inject(podTemplate(), INSTALLATION.sidecar))

  const { warnings, patch } = admit(
    situation({ workload: workload(deployment(podTemplate()), old) }),
  )

  assert.equal(patch.length, 3)
  assert.deepEqual(warnings, [
    'podtap: sidecar kept in deployment/web: the update dropped the sidecar and nothing else',
  ])
})

test('what was dropped comes back as it is stored, not as it would be made today', () => {
  const sidecar = { ...INSTALLATION.sidecar, image: 'podtap/sidecar:0.0.9' }
  const old = deployment(inject(podTemplate(), sidecar))

  const { patch } = admit(situation({ workload: workload(deployment(podTemplate()), old) }))

  assert.ok(JSON.stringify(patch).includes('podtap/sidecar:0.0.9'))
})
