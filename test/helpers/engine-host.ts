/**
 * Runs one engine for a test that is in another network namespace. Arguments: the engine's name, its
 * options as JSON. Reads one command per line from standard input; writes one JSON line per event.
 */
import { createInterface } from 'node:readline'
import { AppError, messageOf } from '../../lib/errors.ts'
import type { EngineName } from '../../sidecar/contract.ts'
import { createEngine } from '../../sidecar/engine/create-engine.ts'
import type {
  Destination,
  EngineCounters,
  EngineOptions,
  InterfaceChange,
} from '../../sidecar/engine/engine.ts'

/** What a test may ask for. */
export type HostCommand =
  | { readonly command: 'destination'; readonly destination: Destination | null }
  | { readonly command: 'counters' }
  | { readonly command: 'stop' }

/** What a test is told. */
export type HostEvent =
  | { readonly event: 'state'; readonly state: string; readonly reason: string }
  | { readonly event: 'interfaces'; readonly change: InterfaceChange }
  | { readonly event: 'started' }
  | { readonly event: 'failed'; readonly code: string; readonly message: string }
  | { readonly event: 'counters'; readonly counters: EngineCounters }
  | { readonly event: 'stopped'; readonly counters: EngineCounters }

const [name = '', options = ''] = process.argv.slice(2)
const engine = createEngine(name as EngineName, JSON.parse(options) as EngineOptions, {
  onStateChange: (state, reason) => {
    tell({ event: 'state', state, reason })
  },
  onInterfaces: (change) => {
    tell({ event: 'interfaces', change })
  },
})

try {
  await engine.start()
  tell({ event: 'started' })
} catch (error) {
  const code = error instanceof AppError ? error.code : 'unexpected'
  tell({ event: 'failed', code, message: messageOf(error) })
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as HostCommand
  if (command.command === 'destination') engine.setDestination(command.destination ?? undefined)
  else if (command.command === 'counters') {
    tell({ event: 'counters', counters: await engine.counters() })
  } else {
    await engine.stop()
    tell({ event: 'stopped', counters: await engine.counters() })
  }
}

function tell(event: HostEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
