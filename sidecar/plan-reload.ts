/** What a configuration file that was changed may change in a running mirror. */
import { isDeepStrictEqual } from 'node:util'
import type { Environment } from '../lib/config.ts'
import type { SensorChoice, SidecarConfig } from './config.ts'
import type { InterfaceRules } from './interfaces/choose-interfaces.ts'

/** Variables that can change while a mirror runs. */
export const RELOADABLE: readonly string[] = [
  'BPF',
  'INTERFACE',
  'INTERFACE_INCLUDE',
  'INTERFACE_EXCLUDE',
  'INTERFACE_ANY',
  'SENSOR',
  'SENSOR_NAMESPACE',
  'SENSOR_LABEL',
]

/** What changes; what is undefined stays. */
export interface Changes {
  readonly filter: string | undefined
  readonly interfaces: InterfaceRules | undefined
  readonly sensor: SensorChoice | undefined
}

/** What comes of a file that was read again. */
export interface ReloadPlan {
  readonly changes: Changes
  /** Changed variables that take a new pod. */
  readonly fixed: readonly string[]
  /** The configuration in force once the changes are made. */
  readonly config: SidecarConfig
}

/** A configuration and the variables that it was read from. */
export interface KnownConfig {
  readonly config: SidecarConfig
  readonly variables: Environment
}

/** Compares what runs with what was read. */
export function planReload(running: KnownConfig, read: KnownConfig): ReloadPlan {
  const { config: now } = running
  const { config: next } = read
  const filter = next.filter === now.filter ? undefined : next.filter
  const sensor = isDeepStrictEqual(next.sensor, now.sensor) ? undefined : next.sensor
  // One interface of a pod is captured in another way, which cannot be left at run time.
  const canChoose = now.interfaces !== undefined && next.interfaces !== undefined
  const isChosen = canChoose && !isDeepStrictEqual(next.interfaces, now.interfaces)
  const interfaces = isChosen ? next.interfaces : undefined
  const fixed = changedNames(running.variables, read.variables).filter((name) => {
    return !RELOADABLE.includes(name) || (name.startsWith('INTERFACE') && !canChoose)
  })
  const config = {
    ...now,
    filter: next.filter,
    sensor: next.sensor,
    interfaces: interfaces ?? now.interfaces,
  }
  return { changes: { filter, interfaces, sensor }, fixed, config }
}

function changedNames(before: Environment, after: Environment): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => (before[name] ?? '') !== (after[name] ?? '')).sort()
}
