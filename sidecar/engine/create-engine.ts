import type { EngineName } from '../contract.ts'
import { CapEngine } from './cap-engine.ts'
import type { Engine, EngineEvents, EngineOptions } from './engine.ts'
import { RingEngine } from './ring/ring-engine.ts'

type Create = (options: EngineOptions, events: EngineEvents) => Engine

const ENGINES: Readonly<Record<EngineName, Create>> = {
  ring: (options, events) => new RingEngine(options, events),
  cap: (options, events) => new CapEngine(options, events),
}

/** The engine `name`, not yet started. */
export function createEngine(
  name: EngineName,
  options: EngineOptions,
  events: EngineEvents,
): Engine {
  return ENGINES[name](options, events)
}
