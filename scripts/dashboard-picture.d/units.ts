/** Values as people read them, by the names of Grafana's units. */

const FORMATS: Readonly<Record<string, (value: number, decimals: number) => string>> = {
  short: (value, decimals) => scaled(value, decimals),
  cps: (value, decimals) => `${scaled(value, decimals)}/s`,
  bps: (value, decimals) => `${scaled(value, decimals)}${value < 1000 ? ' ' : ''}bit/s`,
  bytes: (value) => `${Math.round(value)} B`,
  percentunit: (value, decimals) => `${(value * 100).toFixed(decimals)} %`,
  s: (value, decimals) => duration(value, decimals),
}

/** A value in a unit; `decimals` is how many digits follow the point, where it has a point at all. */
export function formatValue(value: number, unit: string, decimals?: number): string {
  if (!Number.isFinite(value)) return 'no data'
  const format = FORMATS[unit] ?? scaled
  return format(value, decimals ?? (Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : 1))
}

function scaled(value: number, decimals: number): string {
  const prefix = PREFIXES.find(({ factor }) => Math.abs(value) >= factor)
  if (prefix === undefined) return value.toFixed(decimals)
  const shortened = value / prefix.factor
  return `${shortened.toFixed(Number.isInteger(shortened) ? 0 : 1)} ${prefix.name}`
}

const PREFIXES = [
  { factor: 1e9, name: 'G' },
  { factor: 1e6, name: 'M' },
  { factor: 1e3, name: 'k' },
]

function duration(seconds: number, decimals: number): string {
  if (seconds >= 2 * 86_400) return `${(seconds / 86_400).toFixed(0)} d`
  if (seconds >= 60) return `${(seconds / 60).toFixed(0)} min`
  if (seconds >= 1) return `${seconds.toFixed(decimals)} s`
  return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`
}
