/** What the tap is told: by its arguments what is wanted, by the sidecar's environment where it is. */
import { parseArgs } from 'node:util'
import {
  configError,
  describeProblem,
  integer,
  loadConfig,
  optional,
  type Environment,
} from '../../lib/config.ts'
import { messageOf } from '../../lib/errors.ts'
import { DEFAULT_INTERFACE, VXLAN_PORT, parseInterface } from '../contract.ts'

/** All that the tap is told. */
export interface TapSettings {
  readonly interfaceName: string
  /** pcap-filter expression of the user; empty: everything. */
  readonly filter: string
  /** UDP port that the sidecar mirrors to. */
  readonly sensorPort: number
  /** Ends after so many frames; undefined: does not. */
  readonly count: number | undefined
  /** Ends after so many seconds; undefined: does not. */
  readonly seconds: number | undefined
}

const OPTIONS = {
  interface: { type: 'string' },
  filter: { type: 'string' },
  count: { type: 'string' },
  seconds: { type: 'string' },
} as const

/** Largest number of frames or seconds: what libpcap and timers count to. */
const MOST = 2_000_000

/**
 * Reads arguments and environment.
 * @throws AppError ERR_CONFIG that names every bad value.
 */
export function readTapSettings(args: readonly string[], env: Environment): TapSettings {
  const given = parseOptions(args)
  const [firstInterface] = (env['INTERFACE'] ?? '').split(/[\s,]+/).filter(Boolean)
  const variables = {
    '--interface': given.interface ?? firstInterface,
    '--count': given.count,
    '--seconds': given.seconds,
    SENSOR_PORT: env['SENSOR_PORT'],
  }
  const read = loadConfig(
    {
      '--interface': { parse: parseInterface, fallback: DEFAULT_INTERFACE },
      '--count': optional(integer(1, MOST)),
      '--seconds': optional(integer(1, MOST)),
      SENSOR_PORT: { parse: integer(1, 65535), fallback: VXLAN_PORT },
    },
    variables,
  )
  return {
    interfaceName: read['--interface'],
    filter: given.filter ?? '',
    sensorPort: read.SENSOR_PORT,
    count: read['--count'],
    seconds: read['--seconds'],
  }
}

function parseOptions(args: readonly string[]): {
  readonly [option in keyof typeof OPTIONS]?: string
} {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (error) {
    throw configError([describeProblem('arguments', messageOf(error), args.join(' '))])
  }
}
