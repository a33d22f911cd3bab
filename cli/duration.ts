import { InvalidArgumentError } from 'commander'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** A day: longer is a mistake, or a job for the sidecar. */
const MOST_SECONDS = 86_400

/**
 * Reads a duration such as 90s, 10m or 1h, for an option; returns seconds, 1…86400.
 * @throws InvalidArgumentError, which commander puts into words.
 */
export function parseDuration(raw: string): number {
  const [, number = '', unit = ''] = /^(\d{1,6})([smh])$/.exec(raw) ?? []
  const seconds = Number(number) * (SECONDS[unit] ?? 0)
  if (seconds >= 1 && seconds <= MOST_SECONDS) return seconds
  throw new InvalidArgumentError('expected a duration from 1s to 24h such as 90s, 10m or 1h')
}
