/**
 * Kubernetes quantities for the size of the sidecar, in the form in which the API server stores them
 * (apimachinery, resource.Quantity): a value in another form would differ from the stored one at every
 * review.
 */
import type { Parsed } from '../../lib/config.ts'

const MIN_CPU_MILLIS = 10
const MAX_CPU_MILLIS = 16_000
const MEBI = 2 ** 20
/** Node itself needs about 60 MiB; below this the sidecar would be ended by the kernel at its start. */
const MIN_MEMORY = 96 * MEBI
const MAX_MEMORY = 16 * 2 ** 30

const BINARY_UNITS = ['', 'Ki', 'Mi', 'Gi'] as const
const DECIMAL_UNITS = ['', 'k', 'M', 'G'] as const

/** Reads a CPU quantity of 10m…16, for example `250m`, `0.5` or `1`. */
export function parseCpu(raw: string): Parsed<string> {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(m?)$/.exec(raw)
  const millis = match ? Math.ceil(Number(match[1]) * (match[2] === 'm' ? 1 : 1000)) : Number.NaN
  if (!(millis >= MIN_CPU_MILLIS && millis <= MAX_CPU_MILLIS)) {
    return { expected: 'a CPU quantity of 10m…16, such as 250m' }
  }
  return { value: millis % 1000 === 0 ? `${millis / 1000}` : `${millis}m` }
}

/** Reads a memory quantity of 96Mi…16Gi in bytes or with Ki, Mi, Gi, k, M, G, for example `256Mi`. */
export function parseMemory(raw: string): Parsed<string> {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)(Ki|Mi|Gi|k|M|G)?$/.exec(raw)
  const unit = match?.[2] ?? ''
  const bytes = match ? Math.ceil(Number(match[1]) * factorOf(unit)) : Number.NaN
  if (!(bytes >= MIN_MEMORY && bytes <= MAX_MEMORY)) {
    return { expected: 'a memory quantity of 96Mi…16Gi, such as 256Mi' }
  }
  return { value: unit.endsWith('i') ? format(bytes, 1024) : format(bytes, 1000) }
}

function factorOf(unit: string): number {
  const binary = BINARY_UNITS.findIndex((name) => name === unit)
  if (binary >= 0) return 1024 ** binary
  return 1000 ** DECIMAL_UNITS.findIndex((name) => name === unit)
}

/** With the largest unit that leaves an integer. */
function format(bytes: number, base: 1000 | 1024): string {
  const units = base === 1024 ? BINARY_UNITS : DECIMAL_UNITS
  const power = [3, 2, 1, 0].find((exponent) => bytes % base ** exponent === 0) ?? 0
  return `${bytes / base ** power}${units[power] ?? ''}`
}
