/** Puts a mirror together from its configuration: for the sidecar, and for `podtap mirror`. */
import { hostname, networkInterfaces } from 'node:os'
import type { ServiceAccount } from '../lib/kube/credentials.ts'
import type { Logger } from '../lib/logger.ts'
import type { SidecarConfig } from './config.ts'
import { readCpuThrottling } from './cpu-throttling.ts'
import { createEngine } from './engine/create-engine.ts'
import type { Engine, EngineCounters } from './engine/engine.ts'
import { requireInterfaces } from './interfaces/system-interfaces.ts'
import { startMetricsServer, type MetricsServer } from './metrics-server.ts'
import { createMetrics } from './metrics.ts'
import { engineEvents, startMirror, type Mirror } from './mirror.ts'
import { createSensorSource } from './sensor/create-sensor-source.ts'

/** Where a mirror runs. */
export interface Surroundings {
  readonly serviceAccount: ServiceAccount
  readonly log: Logger
  /** See MirrorParts. */
  readonly patient: boolean
}

/** A mirror with its metrics. */
export interface RunningMirror {
  readonly started: Promise<void>
  /** Ends everything; returns the last counts. Idempotent. */
  stop(): Promise<EngineCounters>
}

/**
 * Starts to look for sensors, to capture and to serve metrics.
 * @throws AppError ERR_KUBE_AUTH when pods are looked for and this is not a pod; ERR_INTERFACE when an
 * interface is missing that must not be. Later failures are
 * those of Mirror.started.
 */
export async function runMirror(
  config: SidecarConfig,
  surroundings: Surroundings,
): Promise<RunningMirror> {
  const { log, patient, serviceAccount } = surroundings
  if (config.host.missingInterface === 'fail') requireInterfaces(namedInterfaces(config))
  const source = createSensorSource(config, { serviceAccount, ownAddresses, log })
  const engine = createEngine(config.engine, engineOptions(config), engineEvents(log))
  const chooser = { identity: hostname(), nodeName: config.nodeName, zone: config.zone }
  log.info(config, 'mirroring begins')
  const { receiver, spread } = config
  const mirror = startMirror({ engine, source, chooser, log, patient, receiver, spread })
  // Whoever runs this awaits it later; until then a failure must not count as unhandled.
  mirror.started.catch(() => undefined)
  const server = await serveMetrics(config, { engine, mirror, log })
  let stopping: Promise<EngineCounters> | undefined
  const stop = async (): Promise<EngineCounters> => {
    const counters = await mirror.stop()
    await server?.close()
    return counters
  }
  return { started: mirror.started, stop: () => (stopping ??= stop()) }
}

/** The addresses of all interfaces, as they are now. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each = []) => {
    return each.map(({ address }) => address)
  })
}

function namedInterfaces({ interfaces, interfaceName }: SidecarConfig): readonly string[] {
  return interfaces === undefined ? [interfaceName] : interfaces.names
}

function engineOptions(config: SidecarConfig): Parameters<typeof createEngine>[1] {
  const { interfaceName, interfaces, vni, filter, sensorPort, fit } = config
  const rules = interfaces === undefined ? {} : { interfaces }
  return { interfaceName, ...rules, vni, filter, sensorPort, fit }
}

async function serveMetrics(
  { metricsPort: port, metricsAddress: address }: SidecarConfig,
  parts: { readonly engine: Engine; readonly mirror: Mirror; readonly log: Logger },
): Promise<MetricsServer | undefined> {
  if (port === 0) return undefined
  const { engine, mirror, log } = parts
  const { sensors, sending } = mirror
  const metrics = createMetrics({ engine, sensors, sending, throttling: readCpuThrottling })
  const isReady = (): boolean => engine.state === 'capturing'
  return startMetricsServer({ port, address, metrics, isReady, log })
}
