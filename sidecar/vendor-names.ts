/**
 * The variables of Darktrace's osSensor, so that who runs it changes the image and keeps the
 * environment. Source: its README, https://github.com/darktrace/ossensor-container
 */
import { describeProblem, type Environment } from '../lib/config.ts'
import { readIpAddress } from '../lib/ip-address.ts'

/** Another name of a variable. */
export interface VendorName {
  readonly vendor: string
  /** The variable of podtap that it stands for. */
  readonly variable: string
}

/** Every other name. `BPF` has the same one. The two with LIST in older words are what the vendor began with. */
export const VENDOR_NAMES: readonly VendorName[] = [
  { vendor: 'VSENSOR_HOSTNAME', variable: 'SENSOR' },
  { vendor: 'VSENSOR_PORT', variable: 'SENSOR_PORT' },
  { vendor: 'OSSENSOR_NETWORK_DEVICE', variable: 'INTERFACE' },
  { vendor: 'NETWORK_DEVICE_INCLUDELIST', variable: 'INTERFACE_INCLUDE' },
  { vendor: 'NETWORK_DEVICE_WHITELIST', variable: 'INTERFACE_INCLUDE' },
  { vendor: 'NETWORK_DEVICE_EXCLUDELIST', variable: 'INTERFACE_EXCLUDE' },
  { vendor: 'NETWORK_DEVICE_BLACKLIST', variable: 'INTERFACE_EXCLUDE' },
  { vendor: 'NETWORK_DEVICE_ANY', variable: 'INTERFACE_ANY' },
  { vendor: 'OSSENSOR_DEBUG', variable: 'DEBUG_LEVEL' },
  { vendor: 'OSSENSOR_CONFIG_PATH', variable: 'CONFIG_PATH' },
]

/** Variables of the vendor's that have no meaning here: podtap asks its sensor for nothing. */
export const VENDOR_UNUSED = [
  'VSENSOR_HMAC_KEY',
  'ANTIGENA_ENABLED',
  'ANTIGENA_TIME_PERIOD',
] as const

/** The variable that `name` stands for, which may be one of the vendor's. */
export function variableOf(name: string): string {
  return VENDOR_NAMES.find(({ vendor }) => vendor === name)?.variable ?? name
}

/** An environment with podtap's names only. */
export interface PlainEnvironment {
  readonly env: Environment
  /** Whether the vendor's names were used: their defaults then apply, see vendorDefaults(). */
  readonly isVendors: boolean
  /** How a variable was called by whoever set it, or is to set it. */
  readonly nameOf: (variable: string) => string
  /** One sentence each. */
  readonly problems: readonly string[]
}

/** Puts podtap's names in the place of the vendor's. Two names with different values are a problem. */
export function plainEnvironment(env: Environment): PlainEnvironment {
  const plain: Record<string, string | undefined> = { ...env }
  const names = new Map<string, string>()
  const problems: string[] = []
  for (const name of VENDOR_NAMES.filter(({ vendor }) => Boolean(env[vendor]))) {
    const { vendor, variable } = name
    const problem = replace(plain, name, names.get(variable) ?? variable)
    if (problem !== undefined) problems.push(problem)
    names.set(variable, vendor)
  }
  const isVendors = names.size > 0
  const defaults = isVendors ? vendorDefaults(plain) : {}
  return { env: { ...defaults, ...plain }, isVendors, nameOf: nameIn(names, isVendors), problems }
}

/** Sets the variable in `plain`; `other` is how its present value was called. Returns what is wrong. */
function replace(
  plain: Record<string, string | undefined>,
  { vendor, variable }: VendorName,
  other: string,
): string | undefined {
  const raw = plain[vendor] ?? ''
  const value = variable === 'SENSOR' ? asSensor(raw) : raw
  if (value === undefined) return describeProblem(vendor, EXPECTED_HOST, raw)
  const present = plain[variable] || value
  plain[variable] = value
  if (present === value) return undefined
  const expected = `the value of ${other}, ${JSON.stringify(present)}, or only one of both`
  return describeProblem(vendor, expected, raw)
}

const EXPECTED_HOST = 'an IP address or a host name without a port (which is VSENSOR_PORT)'

/** The vendor's sensor is a host, whereas to podtap a name without a dot is the label of pods. */
function asSensor(raw: string): string | undefined {
  if (readIpAddress(raw) !== undefined) return raw
  return raw.includes(':') ? undefined : `host:${raw}`
}

/** What osSensor does where nothing is said: whole hosts, and statistics now and then. */
function vendorDefaults(env: Environment): Environment {
  return { MODE: env['MODE'] ?? 'host', DEBUG_LEVEL: '1' }
}

function nameIn(names: ReadonlyMap<string, string>, isVendors: boolean) {
  return (variable: string): string => {
    const used = names.get(variable)
    if (used !== undefined) return used
    return variable === 'SENSOR' && isVendors ? 'SENSOR (or VSENSOR_HOSTNAME)' : variable
  }
}
