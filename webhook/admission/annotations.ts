/** Every annotation that podtap reads or writes, and every value that it accepts, once. */
import { describeProblem, type Parsed, type Parser } from '../../lib/config.ts'
import {
  parseFilterText,
  parseInterface,
  parseNamespace,
  parseSensor,
  parseVni,
} from '../../sidecar/contract.ts'
import { parseCpu, parseMemory } from './quantity.ts'
import type { SidecarSettings } from './settings.ts'

/** What every key of podtap begins with. */
export const ANNOTATION_PREFIX = 'podtap.dev/'

/** On a Namespace: turns injection on. On a pod template: takes this one out. See parseInject(). */
export const INJECT = 'podtap.dev/inject'

/** Written by podtap on the pod template: what was added. See status.ts. */
export const STATUS = 'podtap.dev/status'

/** Which frames are mirrored, as a pcap-filter expression. */
export const FILTER = 'podtap.dev/filter'

/** Annotations by key. */
export type Annotations = Readonly<Record<string, string>>

/** What a value changes about the sidecar. */
export type Override = Partial<SidecarSettings>

/**
 * The annotations that change one sidecar, on a Namespace or on a pod template; the template wins, key
 * by key.
 */
export const OVERRIDES: Readonly<Record<string, Parser<Override>>> = {
  'podtap.dev/sensor': parseSensorReference,
  'podtap.dev/vni': overriding(parseVni, (vni) => ({ vni })),
  'podtap.dev/interface': overriding(parseInterface, (interfaceName) => ({ interfaceName })),
  [FILTER]: overriding(parseFilterText, (filter) => ({ filter })),
  'podtap.dev/cpu': overriding(parseCpu, (cpu) => ({ cpu })),
  'podtap.dev/memory': overriding(parseMemory, (memory) => ({ memory })),
}

/** All keys that people may write. */
export const KNOWN_KEYS: readonly string[] = [INJECT, ...Object.keys(OVERRIDES)]

/** The outcome of reading all overrides: `problems` is empty where every value is accepted. */
export interface OverridesRead {
  readonly override: Override
  readonly problems: readonly string[]
}

/** Reads a value of podtap.dev/inject: `enabled` or `true`, `disabled` or `false`. */
export function parseInject(raw: string): Parsed<boolean> {
  if (raw === 'enabled' || raw === 'true') return { value: true }
  if (raw === 'disabled' || raw === 'false') return { value: false }
  return { expected: 'enabled or disabled' }
}

/** The overrides of a pod template in a namespace; a value that the template replaces is not read. */
export function readOverrides(namespace: Annotations, template: Annotations): OverridesRead {
  const problems: string[] = []
  let override: Override = {}
  for (const [key, parse] of Object.entries(OVERRIDES)) {
    const raw = template[key] ?? namespace[key]
    if (raw === undefined) continue
    const read = parse(raw)
    if ('expected' in read) problems.push(describeProblem(key, read.expected, raw))
    else override = { ...override, ...read.value }
  }
  return { override, problems }
}

/** What is wrong with the values of podtap.dev/inject in these annotations, or undefined. */
export function injectProblem(annotations: Annotations): string | undefined {
  const raw = annotations[INJECT]
  const read = raw === undefined ? undefined : parseInject(raw)
  return read && 'expected' in read ? describeProblem(INJECT, read.expected, raw) : undefined
}

/** Whether podtap.dev/inject says so; undefined where it is missing or malformed. */
export function injectValue(annotations: Annotations): boolean | undefined {
  const raw = annotations[INJECT]
  const read = raw === undefined ? undefined : parseInject(raw)
  return read && 'value' in read ? read.value : undefined
}

/** The keys under podtap's prefix that people wrote, known or not. */
export function writtenKeys(annotations: Annotations): readonly string[] {
  return Object.keys(annotations).filter(
    (key) => key.startsWith(ANNOTATION_PREFIX) && key !== STATUS,
  )
}

/** `name` in the installation's sensor namespace, or `namespace/name`. */
function parseSensorReference(raw: string): Parsed<Override> {
  const slash = raw.indexOf('/')
  const sensor = parseSensor(raw.slice(slash + 1))
  if ('expected' in sensor) return { expected: 'a sensor as name or namespace/name' }
  if (slash === -1) return { value: { sensor: sensor.value } }
  const namespace = parseNamespace(raw.slice(0, slash))
  if ('expected' in namespace) return { expected: 'a sensor as name or namespace/name' }
  return { value: { sensor: sensor.value, sensorNamespace: namespace.value } }
}

function overriding<T>(parse: Parser<T>, toOverride: (value: T) => Override): Parser<Override> {
  return (raw) => {
    const read = parse(raw)
    return 'value' in read ? { value: toOverride(read.value) } : read
  }
}
