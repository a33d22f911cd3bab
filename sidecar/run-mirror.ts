/** Puts a mirror together from its configuration: for the sidecar, and for `podtap mirror`. */
import { hostname, networkInterfaces } from 'node:os'
import { KubeClient } from '../lib/kube/client.ts'
import { serviceAccountCredentials, type ServiceAccount } from '../lib/kube/credentials.ts'
import type { Logger } from '../lib/logger.ts'
import { namedInterfaces, type SidecarConfig } from './config.ts'
import { readCpuThrottling } from './cpu-throttling.ts'
import { DebugLog } from './debug-log.ts'
import { createEngine } from './engine/create-engine.ts'
import type { Engine, EngineCounters } from './engine/engine.ts'
import { requireInterfaces } from './interfaces/system-interfaces.ts'
import { logStatistics } from './log-statistics.ts'
import { startMetricsServer, type MetricsServer } from './metrics-server.ts'
import { createMetrics } from './metrics.ts'
import { watchMirroredPods } from './mirrored-pods.ts'
import { engineEvents, startMirror, type Mirror } from './mirror.ts'
import type { Changes } from './plan-reload.ts'
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
  readonly debug: DebugLog
  /**
   * Changes filter, interfaces and sensor while it runs; interfaces that stay lose no frame.
   * @throws AppError ERR_FILTER; ERR_KUBE_AUTH when pods are looked for and this is not a pod.
   */
  reconfigure(changes: Changes): Promise<void>
  /** Ends everything; returns the last counts. Idempotent. */
  stop(): Promise<EngineCounters>
}

/**
 * Starts to look for sensors, to capture and to serve metrics.
 * @throws AppError ERR_KUBE_AUTH when pods are looked for and this is not a pod; ERR_INTERFACE when an
 * interface is missing that must not be. Later failures are those of Mirror.started.
 */
export async function runMirror(
  config: SidecarConfig,
  surroundings: Surroundings,
): Promise<RunningMirror> {
  const { log, patient, serviceAccount } = surroundings
  if (config.host.missingInterface === 'fail') requireInterfaces(namedInterfaces(config))
  const source = createSensorSource(config, { serviceAccount, ownAddresses, log })
  const debug = new DebugLog(log, (level) => {
    engine.node?.setDebugLevel(level)
  })
  const engine = createEngine(config.engine, engineOptions(config), engineEvents(log, debug))
  debug.setLevel(config.host.debugLevel)
  const chooser = { identity: hostname(), nodeName: config.nodeName, zone: config.zone }
  log.info(config, 'mirroring begins')
  const { receiver, spread } = config
  const mirror = startMirror({ engine, source, chooser, log, patient, receiver, spread })
  // Whoever runs this awaits it later; until then a failure must not count as unhandled.
  mirror.started.catch(() => undefined)
  const server = await serveMetrics(config, { engine, mirror, log })
  const ended = new AbortController()
  logStatistics(engine, debug, ended.signal)
  if (config.host.excludeMirrored) excludeMirrored(config, { engine, surroundings, debug }, ended)
  let stopping: Promise<EngineCounters> | undefined
  const stop = async (): Promise<EngineCounters> => {
    ended.abort()
    const counters = await mirror.stop()
    await server?.close()
    return counters
  }
  return {
    started: mirror.started,
    debug,
    reconfigure: async ({ filter, interfaces, sensor }) => {
      const source =
        sensor && createSensorSource({ ...config, sensor }, { serviceAccount, ownAddresses, log })
      if (filter !== undefined) await engine.setFilter(filter)
      if (interfaces !== undefined) engine.node?.setInterfaces(interfaces)
      if (source !== undefined) mirror.setSource(source)
      debug.write({ level: 3, message: 'reconfigured', fields: { filter, interfaces, sensor } })
    },
    stop: () => (stopping ??= stop()),
  }
}

/** Leaves to sidecars what they mirror. */
function excludeMirrored(
  { nodeName = '' }: SidecarConfig,
  parts: {
    readonly engine: Engine
    readonly surroundings: Surroundings
    readonly debug: DebugLog
  },
  ended: AbortController,
): void {
  const { engine, surroundings, debug } = parts
  const { log, serviceAccount } = surroundings
  const client = new KubeClient(serviceAccountCredentials(serviceAccount))
  const onAddresses = (addresses: readonly string[]): void => {
    engine.node?.excludeAddresses(addresses)
    debug.write({ level: 3, message: 'addresses are left to sidecars', fields: { addresses } })
  }
  void watchMirroredPods({ client, nodeName, log, onAddresses }, ended.signal).finally(() => {
    client.close()
  })
}

/** The addresses of all interfaces, as they are now. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each = []) => {
    return each.map(({ address }) => address)
  })
}

function engineOptions(config: SidecarConfig): Parameters<typeof createEngine>[1] {
  const { interfaceName, interfaces, vni, filter, sensorPort, fit } = config
  const { dedupLocal } = config.host
  const rules = interfaces === undefined ? {} : { interfaces, dedupLocal }
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
