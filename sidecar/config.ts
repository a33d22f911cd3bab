/** The sidecar's configuration: its environment, checked once at start. */
import {
  configError,
  describeProblem,
  duration,
  integer,
  loadConfig,
  oneOf,
  optional,
  type ConfigOf,
  type Environment,
  type Schema,
  text,
  type Field,
  type Parsed,
} from '../lib/config.ts'
import { AppError } from '../lib/errors.ts'
import type { IpAddress } from '../lib/ip-address.ts'
import { LOG_LEVELS, type LogLevel } from '../lib/logger.ts'
import {
  DEFAULT_ENGINE,
  DEFAULT_INTERFACE,
  DEFAULT_METRICS_PORT,
  DEFAULT_SENSOR_LABEL,
  DEFAULT_VNI,
  ENGINES,
  FITS,
  SPREADS,
  RECEIVER_SETTINGS,
  VXLAN_PORT,
  parseLabelKey,
  parseLabelValue,
  parseListenAddress,
  parseNamespace,
  parseVni,
  readSensorSetting,
  type EngineName,
  type Fit,
  type Spread,
  type ReceiverSetting,
  type SIDECAR_ENVIRONMENT,
} from './contract.ts'

import {
  DEFAULT_CONFIG_PATH,
  HOST_SCHEMA,
  interfaceRules,
  parseInterfaces,
  type HostSettings,
} from './host-settings.ts'
import type { InterfaceRules } from './interfaces/choose-interfaces.ts'
import { plainEnvironment, VENDOR_UNUSED } from './vendor-names.ts'

/** Where sensors are looked for. */
export type SensorChoice =
  | {
      readonly kind: 'pods'
      readonly namespace: string
      readonly labelKey: string
      readonly labelValue: string
    }
  | { readonly kind: 'host'; readonly host: string }
  | ({ readonly kind: 'address' } & IpAddress)

/** All that the sidecar is told. */
export interface SidecarConfig {
  readonly sensor: SensorChoice
  /** UDP port of the sensor, 1…65535. */
  readonly sensorPort: number
  /** VXLAN network identifier, 0…16777215. */
  readonly vni: number
  /** The interface to sniff; without a meaning where there are rules. */
  readonly interfaceName: string
  /** By which interfaces are chosen; undefined: there is one. */
  readonly interfaces: InterfaceRules | undefined
  /** pcap-filter expression that compiles; empty: everything is mirrored. */
  readonly filter: string
  readonly engine: EngineName
  /** How every sensor takes frames, or `auto`. */
  readonly receiver: ReceiverSetting
  /** What happens to frames that are too long for the path; the engine `cap` fragments always. */
  readonly fit: Fit
  /** What goes to one sensor. */
  readonly spread: Spread
  /** TCP port of /metrics and /readyz; 0: there is none. */
  readonly metricsPort: number
  /** The address that this port is opened at; undefined: at all that the pod has. */
  readonly metricsAddress: string | undefined
  readonly logLevel: LogLevel
  /** The node that this pod runs on. */
  readonly nodeName: string | undefined
  /** The zone of that node, where the cluster has zones and says so. */
  readonly zone: string | undefined
  /** Milliseconds after which mirroring ends by itself; undefined: never. */
  readonly durationMs: number | undefined
  readonly host: HostSettings
}

const DEFAULT_LOG_LEVEL: LogLevel = 'info'
const DEFAULT_RECEIVER: ReceiverSetting = 'auto'
const DEFAULT_FIT: Fit = 'split'
const DEFAULT_SPREAD: Spread = 'pod'

/** What the configuration depends on beside the environment. */
export interface ConfigChecks {
  /** The namespace of this pod, where that is known: the default of SENSOR_NAMESPACE. */
  readonly ownNamespace?: string | undefined
  /** Rejects with AppError ERR_FILTER unless the expression compiles. */
  readonly checkFilter: (expression: string) => Promise<void>
  /** How messages name a variable; by its own name unless said otherwise. */
  readonly nameOf?: (variable: string) => string
  /** The device of the default gateway: what the vendor's names mean where none names an interface. */
  readonly defaultDevice?: () => string | undefined
}

/**
 * Reads the variables of SIDECAR_ENVIRONMENT.
 * @throws AppError ERR_CONFIG that names every bad value at once, the filter's among them;
 * AppError ERR_NATIVE_LIBRARY when the filter's compiler cannot be loaded.
 */
export async function loadSidecarConfig(
  environment: Environment,
  checks: ConfigChecks,
): Promise<SidecarConfig> {
  const { env, isVendors, nameOf, problems } = plainEnvironment(environment)
  if (problems.length > 0) throw configError(problems)
  const filterProblem = await findFilterProblem(env.BPF ?? '', checks)
  const schema = schemaFor(env, checks.ownNamespace, filterProblem)
  const read = loadConfig(schema, env, checks.nameOf ?? nameOf)
  requireCompanions(read)
  const setting = read.SENSOR
  const pods = { namespace: read.SENSOR_NAMESPACE ?? '', labelKey: read.SENSOR_LABEL }
  return {
    sensor: setting.kind === 'pods' ? { ...setting, ...pods } : setting,
    sensorPort: read.SENSOR_PORT,
    vni: read.VNI,
    interfaceName: read.INTERFACE[0] ?? DEFAULT_INTERFACE,
    interfaces: rulesOf(read, isVendors ? checks.defaultDevice : undefined),
    filter: read.BPF,
    engine: read.ENGINE,
    receiver: read.RECEIVER,
    fit: read.FIT,
    spread: read.SPREAD,
    metricsPort: read.METRICS_PORT,
    metricsAddress: read.METRICS_ADDRESS,
    logLevel: read.LOG_LEVEL,
    nodeName: read.NODE_NAME,
    zone: read.NODE_ZONE,
    durationMs: read.DURATION,
    host: hostSettings(read),
  }
}

/**
 * Every variable with the value in force, defaults included, and secrets as they are. For a file that
 * gives the same configuration when it is read; the environment must have passed loadSidecarConfig().
 */
export function effectiveVariables(environment: Environment, ownNamespace?: string): Environment {
  const { env } = plainEnvironment(environment)
  const schema: Schema = schemaFor(env, ownNamespace, undefined)
  const values = Object.entries(schema).map(([name, field]) => [
    name,
    env[name] || renderDefault(field.fallback),
  ])
  const secrets = VENDOR_UNUSED.map((name) => [name, env[name]])
  return Object.fromEntries([...values, ...secrets].filter(([, value]) => value)) as Environment
}

/** The interfaces that are named, or chosen where nothing is said; empty: only rules choose. */
export function namedInterfaces({ interfaces, interfaceName }: SidecarConfig): readonly string[] {
  return interfaces === undefined ? [interfaceName] : interfaces.names
}

function renderDefault(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

type Values = ConfigOf<ReturnType<typeof schemaFor>>

function hostSettings(read: Values): HostSettings {
  const isHost = read.MODE === 'host'
  return {
    mode: read.MODE,
    missingInterface: read.INTERFACE_MISSING,
    dedupLocal: read.DEDUP_LOCAL,
    excludeMirrored: read.EXCLUDE_MIRRORED,
    debugLevel: read.DEBUG_LEVEL,
    configFile: read.CONFIG_FILE,
    configPath: read.CONFIG_PATH ?? (isHost ? DEFAULT_CONFIG_PATH : undefined),
  }
}

/** @throws AppError ERR_CONFIG where a setting lacks another one that it needs. */
function requireCompanions(read: Values): void {
  if (!read.EXCLUDE_MIRRORED || read.NODE_NAME !== undefined) return
  const expected = 'the name of the node, whose pods EXCLUDE_MIRRORED looks for'
  throw configError([describeProblem('NODE_NAME', expected, undefined)])
}

/** @throws AppError ERR_CONFIG where an engine cannot do what the interfaces need. */
function rulesOf(
  read: Values,
  defaultDevice: ConfigChecks['defaultDevice'],
): InterfaceRules | undefined {
  const lists = { include: read.INTERFACE_INCLUDE, exclude: read.INTERFACE_EXCLUDE }
  const isSilent = lists.include.length + lists.exclude.length === 0 && !read.INTERFACE_ANY
  const names =
    read.INTERFACE.length === 0 && isSilent && defaultDevice
      ? [gatewayDevice(defaultDevice)]
      : read.INTERFACE
  const rules = interfaceRules({ mode: read.MODE, names, any: read.INTERFACE_ANY, ...lists })
  if (rules === undefined || read.ENGINE === 'ring') return rules
  const expected = 'ring, which alone can capture several interfaces'
  throw configError([describeProblem('ENGINE', expected, read.ENGINE)])
}

function gatewayDevice(defaultDevice: () => string | undefined): string {
  const device = defaultDevice()
  if (device !== undefined) return device
  const expected = 'the name of an interface, because this host has no default gateway'
  throw configError([describeProblem('OSSENSOR_NETWORK_DEVICE', expected, undefined)])
}

/** The rule of each variable; some depend on what the others say. */
function schemaFor(
  env: Environment,
  ownNamespace: string | undefined,
  filterProblem: string | undefined,
) {
  return {
    SENSOR: { parse: readSensorSetting },
    SENSOR_NAMESPACE: namespaceField(env.SENSOR ?? '', ownNamespace),
    SENSOR_LABEL: { parse: parseLabelKey, fallback: DEFAULT_SENSOR_LABEL },
    SENSOR_PORT: { parse: parsePort, fallback: VXLAN_PORT },
    VNI: { parse: parseVni, fallback: DEFAULT_VNI },
    INTERFACE: { parse: parseInterfaces, fallback: [] as readonly string[] },
    BPF: {
      parse: (raw: string) =>
        filterProblem === undefined ? { value: raw } : { expected: filterProblem },
      fallback: '',
    },
    ENGINE: { parse: oneOf(...ENGINES), fallback: DEFAULT_ENGINE },
    RECEIVER: { parse: oneOf(...RECEIVER_SETTINGS), fallback: DEFAULT_RECEIVER },
    FIT: { parse: oneOf(...FITS), fallback: DEFAULT_FIT },
    SPREAD: { parse: oneOf(...SPREADS), fallback: DEFAULT_SPREAD },
    METRICS_PORT: { parse: integer(0, 65535), fallback: DEFAULT_METRICS_PORT },
    METRICS_ADDRESS: optional(parseListenAddress),
    LOG_LEVEL: { parse: oneOf(...LOG_LEVELS), fallback: DEFAULT_LOG_LEVEL },
    NODE_NAME: optional(parseNodeName),
    NODE_ZONE: optional(parseLabelValue),
    DURATION: optional(duration('1s', '24h')),
    ...HOST_SCHEMA,
  } satisfies Record<(typeof SIDECAR_ENVIRONMENT)[number], Field<unknown>>
}

/** Only pods have a namespace; for them it is required where this pod's own is not known. */
function namespaceField(sensor: string, ownNamespace?: string): Field<string | undefined> {
  const read = readSensorSetting(sensor)
  const required = 'value' in read && read.value.kind === 'pods' && ownNamespace === undefined
  return required ? { parse: parseNamespace } : { parse: parseNamespace, fallback: ownNamespace }
}

/** See SIDECAR_ENVIRONMENT for the service link that a Service named `sensor` makes. */
function parsePort(raw: string): Parsed<number> {
  const read = integer(1, 65535)(raw)
  if ('value' in read || !/^(tcp|udp|sctp):/.test(raw)) return read
  const hint = 'a Service named "sensor" in this namespace sets it unless the container does'
  return { expected: `${read.expected} (${hint})` }
}

/** A node's name is a DNS subdomain (RFC 1123); it is only compared, so no more is asked of it. */
const parseNodeName = text(/^[a-z0-9.-]{1,253}$/, 'the name of a node')

/** What BPF should have been, or undefined if it compiles. */
async function findFilterProblem(
  expression: string,
  { checkFilter }: ConfigChecks,
): Promise<string | undefined> {
  try {
    await checkFilter(expression)
    return undefined
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'ERR_FILTER') throw error
    // "filter "…": expected a pcap-filter expression: reason": the value is named by the variable here.
    return error.message.replace(/^filter .*?: expected /s, '')
  }
}
