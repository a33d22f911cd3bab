/**
 * All that others may rely on about the sidecar: the webhook renders it, the command line reads it,
 * manifests and dashboards name it. Everything else in this folder is the sidecar's own.
 */
import type { Parsed } from '../lib/config.ts'
import { readIpAddress, type IpAddress } from '../lib/ip-address.ts'

/** Name of the container that podtap adds. */
export const SIDECAR_NAME = 'podtap'

/** The uid and gid of the sidecar; its node binary carries the file capability `cap_net_raw+ep`. */
export const SIDECAR_UID = 65532

/** UDP port of VXLAN (RFC 7348 §8, assigned by IANA). */
export const VXLAN_PORT = 4789

/** Largest VXLAN network identifier: 24 bits (RFC 7348 §5). */
export const MAX_VNI = 0xffffff

/** TCP port of /metrics and /readyz: unassigned by IANA and outside Linux' ephemeral range. */
export const DEFAULT_METRICS_PORT = 14789

/** The label whose value SENSOR names, unless SENSOR_LABEL says otherwise: `run=<SENSOR>`. */
export const DEFAULT_SENSOR_LABEL = 'run'

/** The interface that a pod's traffic passes. */
export const DEFAULT_INTERFACE = 'eth0'

/** VXLAN network identifier where nothing else is said. */
export const DEFAULT_VNI = 1

/**
 * Where the sidecar finds its API token, the cluster's CA and its namespace. It is the well-known
 * path on purpose: a mount there stops the ServiceAccount admission plugin from mounting the
 * application's own token into the sidecar.
 */
export const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Variables for whole nodes, and for pods with several interfaces; see docs/host.md. */
export const HOST_ENVIRONMENT = [
  'MODE',
  'INTERFACE_INCLUDE',
  'INTERFACE_EXCLUDE',
  'INTERFACE_ANY',
  'INTERFACE_MISSING',
  'DEDUP_LOCAL',
  'EXCLUDE_MIRRORED',
  'DEBUG_LEVEL',
  'CONFIG_FILE',
  'CONFIG_PATH',
] as const

/**
 * The environment variables that the sidecar reads. SENSOR_PORT must always be rendered: where a
 * Service is named `sensor`, Kubernetes gives every container of its namespace a service link
 * SENSOR_PORT=tcp://…, which only an explicit value overrides.
 */
export const SIDECAR_ENVIRONMENT = [
  'SENSOR',
  'SENSOR_NAMESPACE',
  'SENSOR_LABEL',
  'SENSOR_PORT',
  'VNI',
  'INTERFACE',
  'BPF',
  'ENGINE',
  'RECEIVER',
  'FIT',
  'SPREAD',
  'METRICS_PORT',
  'METRICS_ADDRESS',
  'LOG_LEVEL',
  'NODE_NAME',
  'NODE_ZONE',
  'DURATION',
  ...HOST_ENVIRONMENT,
] as const

/** The engines: how frames are captured and sent. */
export const ENGINES = ['ring', 'cap'] as const

/** One of ENGINES. */
export type EngineName = (typeof ENGINES)[number]

/** The engine that runs unless ENGINE says otherwise. */
export const DEFAULT_ENGINE: EngineName = 'ring'

/**
 * Why a captured frame was not sent; each value is the label `reason` of
 * `podtap_frames_dropped_total`, so add values and never rename one.
 * - `kernel`: the capture buffer was full
 * - `truncated`: captured shorter than it was on the wire; sensors discard such frames whole
 * - `no-sensor`: there was no destination
 * - `too-long`: longer than fits one UDP datagram, or than the path takes (EMSGSIZE)
 * - `refused`: the sensor's host answered that the port is closed (ICMP port unreachable); hosts limit
 *   how often they say so, and a sensor that sniffs instead of listening has the frame nevertheless
 * - `unreachable`: no route to the sensor, or the network is down
 * - `backlog`: more sends were outstanding than the engine or the kernel holds, or the engine had no
 *   time left for anything but frames
 * - `duplicate`: a copy of a packet that was seen on another interface of the node (DEDUP_LOCAL)
 * - `send-error`: any other error of the socket
 */
export const DROP_REASONS = [
  'kernel',
  'truncated',
  'no-sensor',
  'too-long',
  'refused',
  'unreachable',
  'backlog',
  'duplicate',
  'send-error',
] as const

/** One of DROP_REASONS. */
export type DropReason = (typeof DROP_REASONS)[number]

/**
 * How a sensor takes mirrored frames, which decides whether the kernel may be given many at once.
 * - `socket`: it ends UDP in a socket (a vxlan device, Zeek's UDP source, a collector)
 * - `remote`: it is on another node, where datagrams arrive one by one whatever reads them
 * - `sniffer`: it reads its interface on this node: datagrams are sent one by one, without a checksum
 */
export const RECEIVERS = ['socket', 'remote', 'sniffer'] as const

/** One of RECEIVERS. */
export type Receiver = (typeof RECEIVERS)[number]

/** RECEIVER: one of RECEIVERS for every sensor, or `auto`: decided for each by what is known of it. */
export const RECEIVER_SETTINGS = ['auto', ...RECEIVERS] as const

/** One of RECEIVER_SETTINGS. */
export type ReceiverSetting = (typeof RECEIVER_SETTINGS)[number]

/** The annotation of a sensor pod that says how it takes frames; only `socket` has a meaning. */
export const RECEIVER_ANNOTATION = 'podtap.dev/receiver'

/**
 * What happens to a frame that is too long for the path once it is wrapped (VXLAN adds 50 bytes).
 * - `split`: TCP is split into shorter segments, other IP packets into IP fragments
 * - `fragment`: the datagram around it is fragmented
 * - `off`: it is dropped and counted as too-long
 */
export const FITS = ['split', 'fragment', 'off'] as const

/** One of FITS. */
export type Fit = (typeof FITS)[number]

/**
 * What goes to one sensor where there are several.
 * - `pod`: all frames of a pod, the nearest sensor first
 * - `flow`: both directions of a flow; the flows of a pod are spread over all sensors
 */
export const SPREADS = ['pod', 'flow'] as const

/** One of SPREADS. */
export type Spread = (typeof SPREADS)[number]

/**
 * The label with the zone of a node. Kubernetes copies it to pods when they are bound to a node, from
 * 1.35 on (admission plugin PodTopologyLabels); before that, only whoever writes the pods can set it.
 * Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone
 */
export const ZONE_LABEL = 'topology.kubernetes.io/zone'

/** Reads an IP address to listen at; the value is without brackets. */
export function parseListenAddress(raw: string): Parsed<string> {
  const read = readIpAddress(raw)
  return read ? { value: read.address } : { expected: 'an IP address such as 127.0.0.1 or ::' }
}

/**
 * The program in the sidecar's image that writes what passes an interface to its standard output, as a
 * pcap file (sidecar/tap/main.ts). A node of its own with little memory, in the sidecar's cgroup.
 */
export const TAP_COMMAND = [
  '/usr/bin/node',
  '--max-old-space-size=32',
  '--max-semi-space-size=1',
  '/app/dist/sidecar/tap/main.js',
] as const

/** Seconds without a byte on its standard input after which that program ends. */
export const TAP_SILENCE_SECONDS = 30

/** The exit codes of the sidecar; `engine`: capturing is impossible, `software`: an error of podtap itself. */
export const EXIT_CODES = { ok: 0, config: 2, engine: 69, software: 70 } as const

/** Reads a VXLAN network identifier: 0…16777215, decimal or 0x-hex. */
export function parseVni(raw: string): Parsed<number> {
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(raw) ? Number(raw) : Number.NaN
  return value <= MAX_VNI ? { value } : { expected: `an integer 0…${MAX_VNI} or 0x0…0xffffff` }
}

/** Reads a value of a Kubernetes label, non-empty: at most 63 of [A-Za-z0-9._-], alphanumeric at both ends. */
export function parseLabelValue(raw: string): Parsed<string> {
  const valid = raw.length <= 63 && /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(raw)
  return valid ? { value: raw } : { expected: 'a label value of at most 63 characters' }
}

/** Reads a Kubernetes namespace name: a DNS label (RFC 1123). */
export function parseNamespace(raw: string): Parsed<string> {
  const valid = raw.length <= 63 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(raw)
  return valid ? { value: raw } : { expected: 'a namespace name' }
}

/** Reads the name of a Linux network interface: 1…15 characters without slash or white space. */
export function parseInterface(raw: string): Parsed<string> {
  const valid = /^[^\s/:]{1,15}$/.test(raw) && raw !== '.' && raw !== '..'
  return valid ? { value: raw } : { expected: 'an interface name of 1…15 characters' }
}

/** Reads the key of a Kubernetes label: a name of at most 63 characters, with or without `prefix/`. */
export function parseLabelKey(raw: string): Parsed<string> {
  const [name = '', prefix, ...rest] = raw.split('/').reverse()
  const prefixed = prefix === undefined || (isHostName(prefix) && prefix === prefix.toLowerCase())
  const valid = prefixed && rest.length === 0 && 'value' in parseLabelValue(name)
  return valid ? { value: raw } : { expected: 'a label key such as run or example.org/role' }
}

/** What SENSOR says: pods with a label of this value, a host name or an address. */
export type SensorSetting =
  | { readonly kind: 'pods'; readonly labelValue: string }
  | { readonly kind: 'host'; readonly host: string }
  | ({ readonly kind: 'address' } & IpAddress)

/**
 * Reads SENSOR. An IPv4 or IPv6 literal is an address, anything else with a dot is a host name, and
 * the rest is the value of a label. The prefixes `pod:` and `host:` say it outright, for a label value
 * with dots or a host name without one.
 */
export function readSensorSetting(raw: string): Parsed<SensorSetting> {
  const [, prefix, rest = ''] = /^(pod|host):(.*)$/.exec(raw) ?? []
  if (prefix === 'pod') return asPods(rest)
  if (prefix === 'host') return asHost(rest)
  const address = readIpAddress(raw)
  if (address) return asAddress(address)
  return raw.includes('.') ? asHost(raw) : asPods(raw)
}

/** Checks SENSOR by the rules of readSensorSetting() and leaves it as it is. */
export function parseSensor(raw: string): Parsed<string> {
  const read = readSensorSetting(raw)
  return 'value' in read ? { value: raw } : read
}

/**
 * Reads the text of a pcap-filter expression: one line of at most 1000 printable ASCII characters.
 * Whether it compiles is for the engine to say. `$` has no meaning in such an expression, but
 * `$(NAME)` in a container's environment would be replaced by the kubelet.
 */
export function parseFilterText(raw: string): Parsed<string> {
  const valid = /^[\x20-\x23\x25-\x7e]{1,1000}$/.test(raw)
  return valid ? { value: raw } : { expected: 'a pcap-filter expression in one line, without $' }
}

const EXPECTED_SENSOR = 'a label value, an IP address or a host name'

/** Addresses that no single host can have. */
const NO_HOST = new Set(['0.0.0.0', '::', '255.255.255.255'])

function asPods(labelValue: string): Parsed<SensorSetting> {
  const valid = 'value' in parseLabelValue(labelValue)
  return valid ? { value: { kind: 'pods', labelValue } } : { expected: EXPECTED_SENSOR }
}

function asAddress(address: IpAddress): Parsed<SensorSetting> {
  if (NO_HOST.has(address.address)) return { expected: EXPECTED_SENSOR }
  return { value: { kind: 'address', ...address } }
}

function asHost(host: string): Parsed<SensorSetting> {
  return isHostName(host) ? { value: { kind: 'host', host } } : { expected: EXPECTED_SENSOR }
}

/**
 * Host names as RFC 1123 §2.1 has them, with or without a dot at the end. One that ends in a number
 * is none: it is an IPv4 address gone wrong, such as 10.0.0.256.
 */
function isHostName(host: string): boolean {
  const labels = host.replace(/\.$/, '').split('.')
  const numeric = /^\d+$/.test(labels.at(-1) ?? '')
  return host.length <= 253 && !numeric && labels.every((label) => HOST_LABEL.test(label))
}

const HOST_LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/
