import { AppError } from '../../lib/errors.ts'
import { MAX_DESTINATIONS, type Destination } from './engine.ts'

/**
 * Those of `wanted` that an engine uses: each address once, the first MAX_DESTINATIONS of them.
 * @throws AppError ERR_CONFIG for a port that is not `sensorPort`.
 */
export function pickDestinations(
  wanted: readonly Destination[],
  sensorPort: number,
): readonly Destination[] {
  const stray = wanted.find(({ port }) => port !== sensorPort)
  if (stray !== undefined) {
    throw new AppError(
      'ERR_CONFIG',
      `destination port: expected ${sensorPort}, by which podtap knows its own packets, received ${stray.port}`,
    )
  }
  const isFirst = ({ address }: Destination, index: number): boolean =>
    wanted.findIndex((each) => each.address === address) === index
  return wanted.filter(isFirst).slice(0, MAX_DESTINATIONS)
}
