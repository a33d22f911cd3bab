/** Pods with sidecars, as commands see them. */
import type { SeenPod } from '../../cli/cluster/survey-cluster.ts'
import type { PodSidecar } from '../../cli/sidecars/mirrored-pod.ts'
import type { SidecarCounts } from '../../cli/sidecars/sidecar-counts.ts'

/** A pod of the namespace shop whose sidecar runs, unless `changes` say otherwise. */
export function mirroredPod(name: string, changes: Partial<PodSidecar> = {}): SeenPod {
  return {
    namespace: 'shop',
    name,
    node: 'node-a',
    sidecar: {
      native: true,
      startedAt: new Date('2026-11-22T12:00:00Z'),
      ready: true,
      restarts: 0,
      waiting: '',
      image: 'podtap/sidecar:0.1.0',
      metricsPort: 14789,
      ...changes,
    },
  }
}

/** Counts of a sidecar that captured 1000 frames of 100 bytes and lost none, unless `changes` say otherwise. */
export function sidecarCounts(changes: Partial<SidecarCounts> = {}): SidecarCounts {
  return {
    capturedFrames: 1000,
    capturedBytes: 100_000,
    sentFrames: 1000,
    sentBytes: 108_000,
    dropped: {},
    destinations: [
      { sensor: 'podtap-sensor/sensor-1', address: '10.0.0.9', port: '4789', node: 'node-a' },
    ],
    pathMtu: undefined,
    ...changes,
  }
}
