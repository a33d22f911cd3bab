/** Where the source ports of mirrored frames are looked for, and what is said when there are none. */
import { AppError } from '../../lib/errors.ts'

/** The range that RFC 7348 §5 recommends for source ports. */
const LOWEST_PORT = 49152
const HIGHEST_PORT = 65535

/** Neighbouring ports, both ends included, which a filter can name as one range. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/**
 * The ranges of `count` ports to try, in this order. The search begins at the top, outside of the range
 * that Linux gives to clients by default (32768–60999), where an application could hold one.
 */
export function* sourcePortRanges(count: number): Generator<PortRange, void> {
  for (let last = HIGHEST_PORT; last - count + 1 >= LOWEST_PORT; last -= count) {
    yield { first: last - count + 1, last }
  }
}

/** The error for a host where none of sourcePortRanges(count) is free. */
export function noFreePorts(count: number): AppError {
  return new AppError(
    'ERR_PORTS',
    `source ports: expected ${count} free neighbouring UDP ports in ${LOWEST_PORT}…${HIGHEST_PORT}, found none`,
  )
}
