import assert from 'node:assert/strict'
import test from 'node:test'
import { createPaint } from '../../../../cli/output/style.ts'
import { statusLines } from '../../../../cli/status/status-lines.ts'
import { statusReport, type StatusSources } from '../../../../cli/status/status-report.ts'
import type { SidecarCounts } from '../../../../cli/sidecars/sidecar-counts.ts'
import type { PodCoverage, WorkloadCoverage } from '../../../../webhook/coverage/coverage.ts'
import { mirroredPod, sidecarCounts } from '../../../helpers/mirrored-pods.ts'

const STYLE = { columns: undefined, paint: createPaint(false) }

/** 100 s after the sidecars of mirroredPod() started. */
const AT = Date.parse('2026-11-22T12:01:40Z')

function workload(
  name: string,
  pods: readonly PodCoverage[],
  judged: Pick<WorkloadCoverage, 'state' | 'reason' | 'detail'> = MIRRORED,
): WorkloadCoverage {
  const place = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', uid: '' }
  return { ...place, name, object: undefined, configHash: '', ...judged, pods }
}

const MIRRORED = {
  state: 'mirrored',
  reason: 'enabled',
  detail: 'namespace shop is enabled',
} as const
const OPTED_OUT = {
  state: 'refused',
  reason: 'opted-out',
  detail: 'podtap.dev/inject is disabled on the pod template',
} as const

function sources(
  workloads: readonly WorkloadCoverage[],
  counts: Readonly<Record<string, Partial<SidecarCounts> | string>> = {},
): StatusSources {
  const names = Object.keys(counts)
  return {
    namespaces: [
      { namespace: { name: 'shop', annotations: {}, labels: {} }, enabled: true, workloads },
    ],
    pods: new Map(names.map((name) => [`shop/${name}`, mirroredPod(name)])),
    counts: new Map(
      Object.entries(counts).map(([name, each]) => {
        const read = typeof each === 'string' ? { problem: each } : { value: sidecarCounts(each) }
        return [`shop/${name}`, { counts: read, at: AT }]
      }),
    ),
  }
}

test('pods are shown below their workloads, with rates since the start, losses and reasons', () => {
  const report = statusReport(
    sources(
      [
        workload('batch', [{ name: 'batch-1', ...OPTED_OUT }], OPTED_OUT),
        workload('web', [
          { name: 'web-1', ...MIRRORED },
          { name: 'web-2', ...MIRRORED },
          { name: 'web-3', ...MIRRORED, state: 'missed' },
        ]),
      ],
      { 'web-1': {}, 'web-2': { dropped: { kernel: 50 } } },
    ),
  )

  assert.deepEqual(statusLines(report, STYLE), [
    'shop: 2 of 4 pods mirrored, 1 missed, 1 refused',
    'WORKLOAD / POD    STATE     FRAMES/S  LOSS  SENSOR, OR WHY NOT',
    'deployment/batch  0/1                       opted-out: podtap.dev/inject is disabled on the pod template',
    'deployment/web    2/3',
    '  web-1           mirrored        10    0%  sensor-1',
    '  web-2           mirrored        10    5%  lost: kernel 50; sensor-1',
    '  web-3           missed                    made without the sidecar; a restart adds it',
    '',
    'A restart mends 1 pod: podtap refresh --help',
  ])
})

test('a sidecar without a sensor, one that is not read, and one that does not run are shown as such', () => {
  const pods = ['web-1', 'web-2', 'web-3'].map((name) => ({ name, ...MIRRORED }))
  const found = sources([workload('web', pods)], {
    'web-1': { destinations: [] },
    'web-2': 'no answer within 1.5 s',
  })
  const waiting = mirroredPod('web-3', { startedAt: undefined, waiting: 'ImagePullBackOff' })

  const report = statusReport({ ...found, pods: new Map([...found.pods, ['shop/web-3', waiting]]) })

  assert.deepEqual(statusLines(report, STYLE), [
    'shop: 2 of 3 pods mirrored, 1 waiting',
    'WORKLOAD / POD  STATE     FRAMES/S  LOSS  SENSOR, OR WHY NOT',
    'deployment/web  2/3',
    '  web-1         mirrored        10    0%  no sensor',
    '  web-2         mirrored                  not read',
    '  web-3         waiting                   sidecar does not run: ImagePullBackOff',
    '',
    'The counts of 1 pod could not be read: no answer within 1.5 s.',
  ])
})

test('no line is longer than a terminal of 80 columns', () => {
  const pod = { name: 'a-rather-long-name-of-an-application-6d4cf56db6-x7f2p', ...MIRRORED }
  const report = statusReport(
    sources([workload('batch', [], OPTED_OUT), workload('web', [pod])], {
      [pod.name]: { dropped: { kernel: 50, 'no-sensor': 12_345 } },
    }),
  )

  const lines = statusLines(report, { ...STYLE, columns: 80 })

  assert.deepEqual(
    lines.filter((line) => Array.from(line).length > 80),
    [],
  )
})

test('where nothing is enabled it says how to begin', () => {
  const lines = statusLines(statusReport({ ...sources([]), namespaces: [] }), STYLE)

  assert.match(lines.join('\n'), /kubectl annotate namespace NAME podtap\.dev\/inject=enabled$/)
})

test('a pod that podtap was attached to is shown as such, with its frames', () => {
  const given = sources([workload('batch', [{ name: 'batch-1', ...OPTED_OUT }], OPTED_OUT)], {
    'batch-1': {},
  })
  const pods = new Map([
    ['shop/batch-1', mirroredPod('batch-1', { native: false, attached: true })],
  ])

  assert.deepEqual(statusLines(statusReport({ ...given, pods }), STYLE).slice(0, 4), [
    'shop: 0 of 1 pod mirrored, 1 refused',
    'WORKLOAD / POD    STATE     FRAMES/S  LOSS  SENSOR, OR WHY NOT',
    'deployment/batch  0/1                       opted-out: podtap.dev/inject is disabled on the pod template',
    '  batch-1         attached        10    0%  sensor-1',
  ])
})
