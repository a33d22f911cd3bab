/** What the engine `cap` and its capture process tell each other, as JSON over Node's IPC channel. */
import type { ErrorCode } from '../../lib/errors.ts'
import type { Destination, EngineCounters, EngineOptions } from './engine.ts'
import type { OwnPackets } from './own-packets.ts'

/** To the process. `start` comes first and once. */
export type CapCommand =
  | {
      readonly type: 'start'
      readonly options: EngineOptions
      readonly direction: OwnPackets['direction']
      readonly destinations: readonly Destination[]
    }
  | { readonly type: 'destinations'; readonly destinations: readonly Destination[] }
  /** Answered by `filtered`. */
  | { readonly type: 'filter'; readonly expression: string }
  | { readonly type: 'report' }
  | { readonly type: 'stop' }

/** From the process: `ready` or `failed` once, counters whenever they change or are asked for. */
export type CapReport =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'filtered' }
  | { readonly type: 'counters'; readonly counters: EngineCounters }
