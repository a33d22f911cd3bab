import { Counter, Gauge, Registry } from 'prom-client'
import type { Engine, EngineCounters, EngineState } from './engine/engine.ts'
import type { CpuThrottling } from './cpu-throttling.ts'
import type { Mirror } from './mirror.ts'

/** The sidecar's metrics in the text format of Prometheus. */
export interface SidecarMetrics {
  /** The media type of render(). */
  readonly contentType: string
  /** All metrics as of now: one snapshot of the engine, so that they add up. */
  render(): Promise<string>
}

/** What is measured. */
export interface Measured {
  readonly engine: Engine
  readonly sensors: Mirror['sensors']
  readonly sending: Mirror['sending']
  /** What the CPU quota did to this process; undefined where nobody can tell. */
  readonly throttling: () => Promise<CpuThrottling | undefined>
}

const STATES: readonly EngineState[] = ['stopped', 'capturing', 'waiting']

/** The metrics of an engine and of the search for sensors; values are taken when they are asked for. */
export function createMetrics({ engine, sensors, sending, throttling }: Measured): SidecarMetrics {
  const registry = new Registry()
  const setters = [
    frameSetter(registry),
    sensorSetter(registry),
    pathSetter(registry),
    lastSentSetter(registry),
    loadSetter(registry),
  ]
  return {
    contentType: registry.contentType,
    render: async () => {
      const counters = await engine.counters()
      const snapshot: Snapshot = {
        counters,
        state: engine.state,
        bufferPeak: engine.takeBufferPeak(),
        throttling: await throttling(),
        sensors,
        sending,
      }
      for (const set of setters) set(snapshot)
      return registry.metrics()
    },
  }
}

/** Everything that one scrape shows. */
interface Snapshot {
  readonly counters: EngineCounters
  readonly state: EngineState
  readonly bufferPeak: number | undefined
  readonly throttling: CpuThrottling | undefined
  readonly sensors: Mirror['sensors']
  readonly sending: Mirror['sending']
}

type Setter = (snapshot: Snapshot) => void

function frameSetter(registry: Registry): Setter {
  const counter = counterIn(registry)
  const captured = counter('podtap_frames_captured_total', 'Frames captured.')
  const capturedBytes = counter('podtap_bytes_captured_total', 'Bytes of captured frames.')
  const sent = counter('podtap_frames_sent_total', 'Frames sent to a sensor.')
  const sentBytes = counter('podtap_bytes_sent_total', 'Bytes of UDP payload sent.')
  const restarts = counter('podtap_engine_restarts_total', 'Times that capturing began anew.')
  const droppedHelp = 'Frames captured and not sent.'
  const dropped = counter('podtap_frames_dropped_total', droppedHelp, ['reason'])
  const state = gaugeIn(registry)('podtap_engine_state', 'What the engine does: 1.', ['state'])
  return ({ counters, state: current }) => {
    setCounter(captured, counters.capturedFrames)
    setCounter(capturedBytes, counters.capturedBytes)
    setCounter(sent, counters.sentFrames)
    setCounter(sentBytes, counters.sentBytes)
    setCounter(restarts, counters.restarts)
    dropped.reset()
    for (const [reason, frames] of Object.entries(counters.dropped)) dropped.inc({ reason }, frames)
    for (const each of STATES) state.set({ state: each }, each === current ? 1 : 0)
  }
}

function sensorSetter(registry: Registry): Setter {
  const gauge = gaugeIn(registry)
  const count = gauge('podtap_sensors', 'Sensors that could be used now.')
  const infoLabels = ['sensor', 'address', 'port', 'node']
  const info = gauge('podtap_destination_info', 'A sensor that frames are sent to: 1.', infoLabels)
  const errorsHelp = 'Times that looking for sensors failed.'
  const errors = counterIn(registry)('podtap_discovery_errors_total', errorsHelp)
  return ({ sensors }) => {
    count.set(sensors.sensorCount)
    setCounter(errors, sensors.discoveryErrors)
    info.reset()
    for (const { name, nodeName = '', destination } of sensors.chosen) {
      const { address, port } = destination
      info.set({ sensor: name, address, port, node: nodeName }, 1)
    }
  }
}

/** Per destination; the engine `cap` does not know it. */
function pathSetter(registry: Registry): Setter {
  const help = 'Longest IP packet that the path to a sensor takes.'
  const mtu = gaugeIn(registry)('podtap_path_mtu_bytes', help, ['sensor', 'address'])
  const errorsHelp = 'Times that a datagram was too long for its path (EMSGSIZE).'
  const errors = counterIn(registry)('podtap_path_mtu_errors_total', errorsHelp)
  return ({ counters, sensors }) => {
    setCounter(errors, counters.pathMtuErrors)
    mtu.reset()
    const names = new Map(sensors.chosen.map((each) => [each.destination.address, each.name]))
    for (const { address, pathMtu } of counters.destinations) {
      if (pathMtu > 0) mtu.set({ sensor: names.get(address) ?? '', address }, pathMtu)
    }
  }
}

/** How near the engine is to losing frames. What cannot be known is not shown. */
function loadSetter(registry: Registry): Setter {
  const fillHelp = 'Largest share of the capture buffer that waited, since the last scrape.'
  const fill = once(() => gaugeIn(registry)('podtap_ring_fill_ratio', fillHelp))
  const counter = counterIn(registry)
  const secondsHelp = 'Time that the CPU quota kept the sidecar from running.'
  const seconds = once(() => counter('podtap_cpu_throttled_seconds_total', secondsHelp))
  const periodsHelp = 'Periods in which the sidecar used up its CPU quota.'
  const periods = once(() => counter('podtap_cpu_throttled_periods_total', periodsHelp))
  return ({ bufferPeak, throttling }) => {
    if (bufferPeak !== undefined) fill().set(bufferPeak)
    if (throttling === undefined) return
    setCounter(seconds(), throttling.seconds)
    setCounter(periods(), throttling.periods)
  }
}

function lastSentSetter(registry: Registry): Setter {
  const help = 'When a frame was last sent; 0: never.'
  const lastSent = gaugeIn(registry)('podtap_last_frame_sent_timestamp_seconds', help)
  return ({ sending }) => {
    lastSent.set((sending.lastSentAt ?? 0) / 1000)
  }
}

/** prom-client shows a metric as 0 from the moment on when it is made. */
function once<Made>(make: () => Made): () => Made {
  let made: Made | undefined
  return () => (made ??= make())
}

function counterIn(registry: Registry) {
  return (name: string, help: string, labelNames: string[] = []): Counter => {
    return new Counter({ name, help, labelNames, registers: [registry] })
  }
}

function gaugeIn(registry: Registry) {
  return (name: string, help: string, labelNames: string[] = []): Gauge => {
    return new Gauge({ name, help, labelNames, registers: [registry] })
  }
}

/** prom-client counters can only be increased; the engine has the totals. */
function setCounter(counter: Counter, total: number): void {
  counter.reset()
  counter.inc(total)
}
