/** The settings for whole nodes, and for pods with several interfaces. */
import { integer, oneOf, optional, type Field, type Parsed } from '../lib/config.ts'
import { DEFAULT_INTERFACE, parseInterface, type HOST_ENVIRONMENT } from './contract.ts'
import { readExpressions, type InterfaceRules } from './interfaces/choose-interfaces.ts'

/** MODE: one pod from a sidecar, or a whole node from its own network namespace. */
export const MODES = ['sidecar', 'host'] as const

/** One of MODES. */
export type Mode = (typeof MODES)[number]

/** INTERFACE_MISSING: what happens at start while an interface that is named does not exist. */
export const MISSING_INTERFACE = ['wait', 'fail'] as const

/** Where the effective configuration is written in host mode unless CONFIG_PATH says otherwise. */
export const DEFAULT_CONFIG_PATH = '/etc/podtap/podtap.json'

/** Highest DEBUG_LEVEL. */
export const MAX_DEBUG_LEVEL = 5

/** Those of a mirror beside what every sidecar has. */
export interface HostSettings {
  readonly mode: Mode
  readonly missingInterface: (typeof MISSING_INTERFACE)[number]
  /** Whether a packet that passes several interfaces is sent once. */
  readonly dedupLocal: boolean
  /** Whether the addresses of pods that have a sidecar are left out. */
  readonly excludeMirrored: boolean
  /** 0…5, see docs/host.md. */
  readonly debugLevel: number
  /** The file that is read at start and at SIGHUP. */
  readonly configFile: string | undefined
  /** The file that the effective configuration is written to at start. */
  readonly configPath: string | undefined
}

const DEFAULT_MODE: Mode = 'sidecar'

/** The rule of each variable. */
export const HOST_SCHEMA = {
  MODE: { parse: oneOf(...MODES), fallback: DEFAULT_MODE },
  INTERFACE_INCLUDE: { parse: readExpressions, fallback: [] as readonly string[] },
  INTERFACE_EXCLUDE: { parse: readExpressions, fallback: [] as readonly string[] },
  INTERFACE_ANY: { parse: parseSwitch, fallback: false },
  INTERFACE_MISSING: { parse: oneOf(...MISSING_INTERFACE), fallback: 'wait' as const },
  DEDUP_LOCAL: { parse: parseSwitch, fallback: false },
  EXCLUDE_MIRRORED: { parse: parseSwitch, fallback: false },
  DEBUG_LEVEL: { parse: integer(0, MAX_DEBUG_LEVEL), fallback: 0 },
  CONFIG_FILE: optional(parsePath),
  CONFIG_PATH: optional(parsePath),
} satisfies Record<(typeof HOST_ENVIRONMENT)[number], Field<unknown>>

/** INTERFACE: one or several names, separated by white space or commas. */
export function parseInterfaces(raw: string): Parsed<readonly string[]> {
  const names = raw.split(/[\s,]+/).filter(Boolean)
  const isEach = names.length > 0 && names.every((name) => 'value' in parseInterface(name))
  const expected = 'interface names of 1…15 characters, separated by spaces'
  return isEach ? { value: [...new Set(names)] } : { expected }
}

/** What was said about interfaces. */
export interface SaidInterfaces extends InterfaceRules {
  readonly mode: Mode
}

/**
 * The rules for what was said; undefined where it comes to one interface of a pod, which costs less
 * to capture: a sidecar that is told nothing takes eth0.
 */
export function interfaceRules(said: SaidInterfaces): InterfaceRules | undefined {
  const { mode, names, include, exclude, any } = said
  const isPlain = include.length === 0 && exclude.length === 0 && !any
  if (mode === 'sidecar' && isPlain && names.length <= 1) return undefined
  const isNothing = mode === 'sidecar' && names.length + include.length === 0 && !any
  return { names: isNothing ? [DEFAULT_INTERFACE] : names, include, exclude, any }
}

function parseSwitch(raw: string): Parsed<boolean> {
  if (/^(1|on|true)$/i.test(raw)) return { value: true }
  return /^(0|off|false)$/i.test(raw) ? { value: false } : { expected: 'on (1) or off (0)' }
}

function parsePath(raw: string): Parsed<string> {
  const isPath = /^\/[^\0]*[^/\0]$/.test(raw)
  return isPath ? { value: raw } : { expected: 'an absolute path of a file' }
}
