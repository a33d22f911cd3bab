import assert from 'node:assert/strict'
import test from 'node:test'
import { lossOf, parseSidecarCounts } from '../../../../cli/sidecars/sidecar-counts.ts'

const METRICS = `# HELP podtap_frames_captured_total Frames captured.
# TYPE podtap_frames_captured_total counter
podtap_frames_captured_total 200
podtap_bytes_captured_total 30000
podtap_frames_sent_total 190
podtap_bytes_sent_total 29000
podtap_frames_dropped_total{reason="kernel"} 7
podtap_frames_dropped_total{reason="no-sensor"} 3
podtap_frames_dropped_total{reason="refused"} 0
podtap_destination_info{sensor="podtap-sensor/a \\"b\\"",address="10.0.0.9",port="4789",node="node-b"} 1
podtap_path_mtu_bytes{sensor="x"} 1500
podtap_path_mtu_bytes{sensor="y"} 1450
`

test('the metrics of a sidecar are read', () => {
  const counts = parseSidecarCounts(METRICS)

  assert.deepEqual(counts, {
    capturedFrames: 200,
    capturedBytes: 30000,
    sentFrames: 190,
    sentBytes: 29000,
    dropped: { kernel: 7, 'no-sensor': 3 },
    destinations: [
      { sensor: 'podtap-sensor/a "b"', address: '10.0.0.9', port: '4789', node: 'node-b' },
    ],
    pathMtu: 1450,
  })
  assert.equal(lossOf(counts), 0.05)
})

test('a sidecar that captured nothing has no loss', () => {
  const counts = parseSidecarCounts('')

  assert.equal(lossOf(counts), undefined)
  assert.equal(counts.pathMtu, undefined)
  assert.deepEqual(counts.destinations, [])
})
