/** What one sidecar says about itself. */
import { parsePrometheusText, sumOf, type Sample } from './prometheus-text.ts'

/** Frames and bytes since the sidecar's start, and where they go now. */
export interface SidecarCounts {
  readonly capturedFrames: number
  readonly capturedBytes: number
  readonly sentFrames: number
  readonly sentBytes: number
  /** By reason; those that never occurred are left out. */
  readonly dropped: Readonly<Record<string, number>>
  /** Where frames go; empty: nowhere. */
  readonly destinations: readonly Destination[]
  /** The longest packet that the path to the sensor takes, in bytes; undefined: it does not say. */
  readonly pathMtu: number | undefined
}

/** A sensor that frames are sent to. */
export interface Destination {
  readonly sensor: string
  readonly address: string
  readonly port: string
  /** Empty where it is no pod. */
  readonly node: string
}

/** Reads the answer of /metrics. */
export function parseSidecarCounts(text: string): SidecarCounts {
  const samples = parsePrometheusText(text)
  const mtus = samples.filter(({ name }) => name === 'podtap_path_mtu_bytes')
  const known = mtus.map(({ value }) => value).filter((value) => value > 0)
  return {
    capturedFrames: sumOf(samples, 'podtap_frames_captured_total'),
    capturedBytes: sumOf(samples, 'podtap_bytes_captured_total'),
    sentFrames: sumOf(samples, 'podtap_frames_sent_total'),
    sentBytes: sumOf(samples, 'podtap_bytes_sent_total'),
    dropped: droppedIn(samples),
    destinations: samples.filter(isDestination).map(toDestination),
    pathMtu: known.length === 0 ? undefined : Math.min(...known),
  }
}

/** All frames that were not sent. */
export function droppedFrames({ dropped }: Pick<SidecarCounts, 'dropped'>): number {
  return Object.values(dropped).reduce((sum, frames) => sum + frames, 0)
}

/** The part of the captured frames that was not sent, 0…1; undefined where none was captured. */
export function lossOf(
  counts: Pick<SidecarCounts, 'capturedFrames' | 'dropped'>,
): number | undefined {
  const { capturedFrames } = counts
  return capturedFrames > 0 ? droppedFrames(counts) / capturedFrames : undefined
}

function droppedIn(samples: readonly Sample[]): Readonly<Record<string, number>> {
  const dropped = samples.filter(
    ({ name, value }) => name === 'podtap_frames_dropped_total' && value > 0,
  )
  return Object.fromEntries(dropped.map(({ labels, value }) => [labels['reason'] ?? '', value]))
}

function isDestination({ name, value }: Sample): boolean {
  return name === 'podtap_destination_info' && value === 1
}

function toDestination({ labels }: Sample): Destination {
  const { sensor = '', address = '', port = '', node = '' } = labels
  return { sensor, address, port, node }
}
