import assert from 'node:assert/strict'
import test from 'node:test'
import { createMetrics } from '../../../sidecar/metrics.ts'
import { countersOf, MemoryEngine } from '../../helpers/memory-engine.ts'

const IDLE = {
  sensors: { sensorCount: 0, chosen: [], discoveryErrors: 0 },
  sending: { lastSentAt: undefined },
  throttling: () => Promise.resolve(undefined),
}

function samples(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('a scrape shows all that is counted', async () => {
  const engine = new MemoryEngine()
  engine.state = 'capturing'
  engine.counts = countersOf(
    {
      ...{ capturedFrames: 10, capturedBytes: 9000, sentFrames: 7, sentBytes: 6356, restarts: 1 },
      pathMtuErrors: 5,
      destinations: [
        { address: 'fd00::7', sentFrames: 4, refused: 2, unreachable: 0, pathMtu: 1450 },
        { address: 'fd00::8', sentFrames: 3, refused: 0, unreachable: 0, pathMtu: 0 },
      ],
    },
    { kernel: 1, refused: 2 },
  )
  engine.bufferPeak = 0.25
  const sensors = {
    sensorCount: 3,
    chosen: [
      {
        name: 'ndr/zeek-0',
        nodeName: 'node-1',
        destination: { address: 'fd00::7', family: 6, port: 4789 },
      },
      { name: 'ndr/zeek-1', destination: { address: 'fd00::8', family: 6, port: 4789 } },
    ],
    discoveryErrors: 4,
  } as const

  const metrics = createMetrics({
    engine,
    sensors,
    sending: { lastSentAt: 1_795_000_000_500 },
    throttling: () => Promise.resolve({ periods: 12, seconds: 0.9 }),
  })

  assert.deepEqual(samples(await metrics.render()), [
    'podtap_frames_captured_total 10',
    'podtap_bytes_captured_total 9000',
    'podtap_frames_sent_total 7',
    'podtap_bytes_sent_total 6356',
    'podtap_engine_restarts_total 1',
    'podtap_frames_dropped_total{reason="kernel"} 1',
    'podtap_frames_dropped_total{reason="truncated"} 0',
    'podtap_frames_dropped_total{reason="no-sensor"} 0',
    'podtap_frames_dropped_total{reason="too-long"} 0',
    'podtap_frames_dropped_total{reason="refused"} 2',
    'podtap_frames_dropped_total{reason="unreachable"} 0',
    'podtap_frames_dropped_total{reason="backlog"} 0',
    'podtap_frames_dropped_total{reason="duplicate"} 0',
    'podtap_frames_dropped_total{reason="send-error"} 0',
    'podtap_engine_state{state="stopped"} 0',
    'podtap_engine_state{state="capturing"} 1',
    'podtap_engine_state{state="waiting"} 0',
    'podtap_sensors 3',
    'podtap_destination_info{sensor="ndr/zeek-0",address="fd00::7",port="4789",node="node-1"} 1',
    'podtap_destination_info{sensor="ndr/zeek-1",address="fd00::8",port="4789",node=""} 1',
    'podtap_discovery_errors_total 4',
    'podtap_path_mtu_bytes{sensor="ndr/zeek-0",address="fd00::7"} 1450',
    'podtap_path_mtu_errors_total 5',
    'podtap_last_frame_sent_timestamp_seconds 1795000000.5',
    'podtap_ring_fill_ratio 0.25',
    'podtap_cpu_throttled_seconds_total 0.9',
    'podtap_cpu_throttled_periods_total 12',
  ])
})

test('without a sensor there is no destination', async () => {
  const metrics = createMetrics({ engine: new MemoryEngine(), ...IDLE })

  const text = await metrics.render()

  assert.deepEqual(
    samples(text).filter((line) => /destination|sensors|last_frame|mtu|ring_|cpu/.test(line)),
    [
      'podtap_sensors 0',
      'podtap_path_mtu_errors_total 0',
      'podtap_last_frame_sent_timestamp_seconds 0',
    ],
  )
})

test('a second scrape shows the new totals, not sums of both', async () => {
  const engine = new MemoryEngine()
  const metrics = createMetrics({ engine, ...IDLE })

  engine.counts = countersOf({ capturedFrames: 5 }, { 'no-sensor': 5 })
  await metrics.render()
  engine.counts = countersOf({ capturedFrames: 8 }, { 'no-sensor': 8 })
  const text = await metrics.render()

  assert.ok(text.includes('podtap_frames_captured_total 8\n'))
  assert.ok(text.includes('podtap_frames_dropped_total{reason="no-sensor"} 8\n'))
})
