import { backoffMs, sleep } from '../lib/backoff.ts'
import { startDeadline } from '../lib/deadline.ts'
import { AppError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { whenAborted } from '../lib/when-aborted.ts'
import type { ReceiverSetting, Spread } from './contract.ts'
import type { Engine, EngineCounters, EngineEvents } from './engine/engine.ts'
import type { DebugLog } from './debug-log.ts'
import { SensorFollower } from './follow-sensors.ts'
import type { Chooser } from './sensor/choose-sensor.ts'
import type { SensorSource } from './sensor/sensor-source.ts'
import { SendingWatch, watchSending } from './watch-sending.ts'

/** What a mirror is made of. */
export interface MirrorParts {
  readonly engine: Engine
  readonly source: SensorSource
  readonly chooser: Chooser
  /** RECEIVER. */
  readonly receiver: ReceiverSetting
  /** SPREAD. */
  readonly spread: Spread
  readonly log: Logger
  /**
   * Whether an engine that cannot start is tried again, for as long as it takes. A sidecar does: if it
   * ended instead, its pod would no longer be ready and would lose its traffic.
   */
  readonly patient: boolean
}

/** A mirror at work. */
export interface Mirror {
  /** Resolves when the engine runs; rejects with its error unless the mirror is patient. */
  readonly started: Promise<void>
  /** What is known of sensors now. */
  readonly sensors: Pick<SensorFollower, 'sensorCount' | 'chosen' | 'discoveryErrors'>
  readonly sending: Pick<SendingWatch, 'lastSentAt'>
  /** Looks for sensors there from now on; those known so far stay until something is found. */
  setSource(source: SensorSource): void
  /** Sends what is under way and ends; returns the last counts. */
  stop(): Promise<EngineCounters>
}

/** The pauses between attempts to start an engine. */
const START_BACKOFF = { firstMs: 2_000, ceilingMs: 60_000 }

/** Joins a source of sensors and an engine: what the one finds is where the other sends. */
export function startMirror(parts: MirrorParts): Mirror {
  const { engine, source, log, chooser } = parts
  const abort = new AbortController()
  const follower = new SensorFollower({
    chooser,
    log,
    receiver: parts.receiver,
    spread: parts.spread,
    setDestinations: (destinations) => {
      engine.setDestinations(destinations)
    },
  })
  const sending = new SendingWatch((looks) => {
    follower.onLooks(looks)
  })
  watchSending(engine, sending, abort.signal)
  const following = followInTurn(follower, abort.signal)
  following.setSource(source)
  const started = startEngine(parts, abort.signal)
  return {
    started,
    sensors: follower,
    sending,
    setSource: following.setSource,
    stop: async () => {
      abort.abort()
      await Promise.allSettled([following.ended(), started])
      await engine.stop()
      return engine.counters()
    },
  }
}

/** Lets `follower` follow one source at a time. */
function followInTurn(follower: SensorFollower, signal: AbortSignal) {
  let current = new AbortController()
  let running = Promise.resolve()
  return {
    setSource: (source: SensorSource): void => {
      current.abort()
      current = new AbortController()
      const both = AbortSignal.any([signal, current.signal])
      running = Promise.allSettled([running, source.run(follower, both)]).then(() => undefined)
    },
    ended: () => running,
  }
}

/**
 * Lets a mirror run until `signal` aborts or `limitMs` milliseconds are over, whether or not its engine
 * has started by then; then stops it and returns its last counts.
 * @throws what `started` rejects with, after the mirror was stopped.
 */
export async function runUntil(
  mirror: Pick<Mirror, 'started' | 'stop'>,
  signal: AbortSignal,
  limitMs?: number,
): Promise<EngineCounters> {
  const limit = limitMs === undefined ? undefined : startDeadline(limitMs, signal)
  const aborted = whenAborted(limit?.signal ?? signal)
  try {
    await Promise.race([aborted, mirror.started.then(() => aborted)])
  } catch (error) {
    await mirror.stop()
    throw error
  } finally {
    limit?.clear()
  }
  return mirror.stop()
}

/** Events of an engine as log lines. */
export function engineEvents(log: Logger, debug: Pick<DebugLog, 'write'>): EngineEvents {
  return {
    onInterfaces: ({ taken, left, unfit, count }) => {
      const fields = { taken, left, interfaces: count }
      debug.write({ level: 3, message: 'interfaces changed', fields })
      if (unfit.length === 0) return
      log.warn({ interfaces: unfit }, 'interfaces are left out: their frames are not Ethernet')
    },
    onDebug: (line) => {
      debug.write(line)
    },
    onStateChange: (state, reason) => {
      const level = state === 'waiting' ? 'warn' : 'info'
      log[level]({ state, reason }, 'engine state changed')
    },
  }
}

async function startEngine(parts: MirrorParts, signal: AbortSignal): Promise<void> {
  const { engine, log, patient } = parts
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      await engine.start()
      if (failures > 1) log.info({ failures: failures - 1 }, 'engine started after all')
      return
    } catch (error) {
      if (!patient || !(error instanceof AppError)) throw error
      const retryMs = backoffMs(failures, START_BACKOFF, Math.random)
      // Once: the state is a metric.
      if (failures === 1) {
        log.error({ code: error.code, reason: error.message }, 'engine cannot start, trying again')
      }
      await sleep(retryMs, signal)
    }
  }
}
