/**
 * Runs one engine for a test that is in another network namespace. Arguments: the engine's name, its
 * options as JSON, and those that only tests change. Reads one command per line from standard input; writes one JSON line per event.
 */
import { createInterface } from 'node:readline'
import type { Worker } from 'node:worker_threads'
import { AppError, messageOf } from '../../lib/errors.ts'
import type { EngineName } from '../../sidecar/contract.ts'
import type { InterfaceRules } from '../../sidecar/interfaces/choose-interfaces.ts'
import { createEngine } from '../../sidecar/engine/create-engine.ts'
import type {
  Destination,
  EngineCounters,
  EngineDebug,
  EngineEvents,
  EngineOptions,
  InterfaceChange,
} from '../../sidecar/engine/engine.ts'
import { RingEngine } from '../../sidecar/engine/ring/ring-engine.ts'
import type { RingOptions } from '../../sidecar/engine/ring/ring-options.ts'

/** What a test may ask for. */
export type HostCommand =
  | { readonly command: 'destinations'; readonly destinations: readonly Destination[] }
  | { readonly command: 'filter'; readonly expression: string }
  | { readonly command: 'interfaces'; readonly rules: InterfaceRules }
  | { readonly command: 'exclude'; readonly addresses: readonly string[] }
  | { readonly command: 'debug'; readonly level: number }
  | { readonly command: 'crash' }
  | { readonly command: 'counters' }
  | { readonly command: 'peak' }
  | { readonly command: 'stop' }

/** What a test is told. */
export type HostEvent =
  | { readonly event: 'state'; readonly state: string; readonly reason: string }
  | { readonly event: 'interfaces'; readonly change: InterfaceChange }
  | { readonly event: 'debug'; readonly line: EngineDebug }
  | { readonly event: 'started' }
  | { readonly event: 'failed'; readonly code: string; readonly message: string }
  | { readonly event: 'counters'; readonly counters: EngineCounters }
  | { readonly event: 'peak'; readonly share?: number }
  | { readonly event: 'filtered'; readonly problem?: string }
  | { readonly event: 'stopped'; readonly counters: EngineCounters }

const [name = '', optionsText = '', ringText = '{}'] = process.argv.slice(2)
const options = JSON.parse(optionsText) as EngineOptions
const ring = JSON.parse(ringText) as Partial<RingOptions>
let thread: Worker | undefined
process.on('worker', (worker) => {
  thread = worker
})
const events: EngineEvents = {
  onStateChange: (state, reason) => {
    tell({ event: 'state', state, reason })
  },
  onInterfaces: (change) => {
    tell({ event: 'interfaces', change })
  },
  onDebug: (line) => {
    tell({ event: 'debug', line })
  },
}
const isUsual = Object.keys(ring).length === 0
const engine = isUsual
  ? createEngine(name as EngineName, options, events)
  : new RingEngine(options, events, ring)

try {
  await engine.start()
  tell({ event: 'started' })
} catch (error) {
  const code = error instanceof AppError ? error.code : 'unexpected'
  tell({ event: 'failed', code, message: messageOf(error) })
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as HostCommand
  if (command.command === 'destinations') engine.setDestinations(command.destinations)
  else if (command.command === 'filter') await setFilter(command.expression)
  else if (command.command === 'interfaces') engine.node?.setInterfaces(command.rules)
  else if (command.command === 'exclude') engine.node?.excludeAddresses(command.addresses)
  else if (command.command === 'debug') engine.node?.setDebugLevel(command.level)
  else if (command.command === 'crash') await thread?.terminate()
  else if (command.command === 'peak') tellPeak(engine.takeBufferPeak())
  else if (command.command === 'counters') {
    tell({ event: 'counters', counters: await engine.counters() })
  } else {
    await engine.stop()
    tell({ event: 'stopped', counters: await engine.counters() })
  }
}

async function setFilter(expression: string): Promise<void> {
  try {
    await engine.setFilter(expression)
    tell({ event: 'filtered' })
  } catch (error) {
    tell({ event: 'filtered', problem: messageOf(error) })
  }
}

function tellPeak(share: number | undefined): void {
  tell({ event: 'peak', ...(share !== undefined && { share }) })
}

function tell(event: HostEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
