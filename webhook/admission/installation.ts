/** The settings that every sidecar of an installation begins with, as variables by name. */
import { integer, oneOf, optional, text, type ConfigOf } from '../../lib/config.ts'
import { LOG_LEVELS, type LogLevel } from '../../lib/logger.ts'
import {
  DEFAULT_INTERFACE,
  DEFAULT_METRICS_PORT,
  DEFAULT_SENSOR_LABEL,
  DEFAULT_VNI,
  ENGINES,
  FITS,
  parseFilterText,
  parseInterface,
  parseLabelKey,
  parseListenAddress,
  parseNamespace,
  parseSensor,
  parseVni,
  RECEIVER_SETTINGS,
  SPREADS,
  VXLAN_PORT,
} from '../../sidecar/contract.ts'
import { parseCpu, parseMemory } from './quantity.ts'
import type { SidecarSettings } from './settings.ts'

/** The sidecar of this version of podtap. */
export const DEFAULT_IMAGE = 'podtap/sidecar:0.1.0'

/** NATIVE_SIDECAR: `auto` where every kubelet of the cluster knows native sidecars. */
export const NATIVE_SETTINGS = ['auto', 'on', 'off'] as const

/** One of NATIVE_SETTINGS. */
export type NativeSetting = (typeof NATIVE_SETTINGS)[number]

const port = integer(1, 65535)

/**
 * Variables that say what is rendered. Those without the prefix SIDECAR_ have the names, rules and
 * meanings that they have in the sidecar's own environment.
 */
export const SIDECAR_SCHEMA = {
  SIDECAR_IMAGE: {
    parse: text(/^[\x21-\x7e]{1,512}$/, 'an image reference such as podtap/sidecar:1'),
    fallback: DEFAULT_IMAGE,
  },
  SIDECAR_CPU: { parse: parseCpu, fallback: '250m' },
  SIDECAR_MEMORY: { parse: parseMemory, fallback: '256Mi' },
  SIDECAR_METRICS_PORT: { parse: integer(0, 65535), fallback: DEFAULT_METRICS_PORT },
  SIDECAR_METRICS_ADDRESS: optional(parseListenAddress),
  SIDECAR_LOG_LEVEL: { parse: oneOf(...LOG_LEVELS), fallback: 'info' as LogLevel },
  NATIVE_SIDECAR: { parse: oneOf(...NATIVE_SETTINGS), fallback: 'auto' as NativeSetting },
  SENSOR: { parse: parseSensor, fallback: 'sensor' },
  SENSOR_NAMESPACE: { parse: parseNamespace, fallback: 'podtap-sensor' },
  SENSOR_LABEL: { parse: parseLabelKey, fallback: DEFAULT_SENSOR_LABEL },
  SENSOR_PORT: { parse: port, fallback: VXLAN_PORT },
  VNI: { parse: parseVni, fallback: DEFAULT_VNI },
  INTERFACE: { parse: parseInterface, fallback: DEFAULT_INTERFACE },
  BPF: { parse: parseFilterText, fallback: '' },
  ENGINE: optional(oneOf(...ENGINES)),
  RECEIVER: optional(oneOf(...RECEIVER_SETTINGS)),
  FIT: optional(oneOf(...FITS)),
  SPREAD: optional(oneOf(...SPREADS)),
}

/**
 * The sidecar of an installation with these variables. With NATIVE_SIDECAR=auto it is a classic one,
 * which every cluster can run: whoever knows the cluster's nodes may make it native.
 */
export function sidecarSettings(values: ConfigOf<typeof SIDECAR_SCHEMA>): SidecarSettings {
  return {
    image: values.SIDECAR_IMAGE,
    sensor: values.SENSOR,
    sensorNamespace: values.SENSOR_NAMESPACE,
    sensorLabel: values.SENSOR_LABEL,
    sensorPort: values.SENSOR_PORT,
    vni: values.VNI,
    interfaceName: values.INTERFACE,
    filter: values.BPF,
    cpu: values.SIDECAR_CPU,
    memory: values.SIDECAR_MEMORY,
    metricsPort: values.SIDECAR_METRICS_PORT,
    metricsAddress: values.SIDECAR_METRICS_ADDRESS,
    logLevel: values.SIDECAR_LOG_LEVEL,
    engine: values.ENGINE,
    receiver: values.RECEIVER,
    fit: values.FIT,
    spread: values.SPREAD,
    native: values.NATIVE_SIDECAR === 'on',
  }
}
