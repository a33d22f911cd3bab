import { Counter, Gauge, Registry } from 'prom-client'
import type { Engine, EngineCounters, EngineState } from './engine/engine.ts'
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
}

const STATES: readonly EngineState[] = ['stopped', 'capturing', 'waiting']

/** The metrics of an engine and of the search for sensors; values are taken when they are asked for. */
export function createMetrics({ engine, sensors, sending }: Measured): SidecarMetrics {
  const registry = new Registry()
  const setters = [frameSetter(registry), sensorSetter(registry), lastSentSetter(registry)]
  return {
    contentType: registry.contentType,
    render: async () => {
      const counters = await engine.counters()
      const snapshot = { counters, state: engine.state, sensors, sending }
      for (const set of setters) set(snapshot)
      return registry.metrics()
    },
  }
}

/** Everything that one scrape shows. */
interface Snapshot {
  readonly counters: EngineCounters
  readonly state: EngineState
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
  const info = gauge(
    'podtap_destination_info',
    'The sensor that frames are sent to: 1.',
    infoLabels,
  )
  const errorsHelp = 'Times that looking for sensors failed.'
  const errors = counterIn(registry)('podtap_discovery_errors_total', errorsHelp)
  return ({ sensors }) => {
    count.set(sensors.sensorCount)
    setCounter(errors, sensors.discoveryErrors)
    info.reset()
    if (!sensors.current) return
    const { name, nodeName = '', destination } = sensors.current
    const { address, port } = destination
    info.set({ sensor: name, address, port, node: nodeName }, 1)
  }
}

function lastSentSetter(registry: Registry): Setter {
  const help = 'When a frame was last sent; 0: never.'
  const lastSent = gaugeIn(registry)('podtap_last_frame_sent_timestamp_seconds', help)
  return ({ sending }) => {
    lastSent.set((sending.lastSentAt ?? 0) / 1000)
  }
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
