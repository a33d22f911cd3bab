import { compileFilters } from '../libpcap.ts'
import { captureFilter, nodeFilter } from '../own-packets.ts'
import type { PortRange } from '../source-port-ranges.ts'
import type { RingOptions } from './ring-options.ts'

/** Longest frame that the filter lets through uncut: more than Linux builds (512 KiB, BIG TCP). */
const SNAPSHOT_BYTES = 1 << 20

/**
 * The instructions of the capture filter: what the user wants, less podtap's own packets.
 * @throws AppError ERR_FILTER, ERR_NATIVE_LIBRARY or ERR_CAPTURE, see compileFilters().
 */
export function ringFilter(
  { filter, interfaces, interfaceName, sensorPort }: RingOptions,
  { first, last }: PortRange,
): Promise<Uint8Array> {
  const direction = interfaceName === 'lo' ? 'any' : 'outbound'
  const own = { sensorPort, sourcePorts: { first, last }, direction } as const
  const notOwn = interfaces ? nodeFilter() : captureFilter('', own)
  return compileFilters([notOwn, filter], SNAPSHOT_BYTES)
}
