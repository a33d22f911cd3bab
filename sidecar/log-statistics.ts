import type { Engine, EngineCounters } from './engine/engine.ts'
import type { DebugLog } from './debug-log.ts'

const INTERVAL_MS = 10_000

/** Writes, at debug level 1 and above, what was captured, sent and dropped, every ten seconds until the signal aborts. */
export function logStatistics(
  engine: Pick<Engine, 'counters'>,
  debug: DebugLog,
  signal: AbortSignal,
): void {
  let before: EngineCounters | undefined
  const tell = async (): Promise<void> => {
    const now = await engine.counters()
    debug.write({ level: 1, message: 'statistics', fields: describe(now, before) })
    before = now
  }
  const timer = setInterval(() => {
    if (debug.level >= 1) void tell()
  }, INTERVAL_MS)
  timer.unref()
  signal.addEventListener('abort', () => {
    clearInterval(timer)
  })
}

function describe(now: EngineCounters, before: EngineCounters | undefined): object {
  const dropped = Object.entries(now.dropped).filter(([, frames]) => frames > 0)
  return {
    captured: now.capturedFrames,
    sent: now.sentFrames,
    dropped: Object.fromEntries(dropped),
    capturedSince: now.capturedFrames - (before?.capturedFrames ?? 0),
  }
}
