/**
 * Kubernetes quantities (apimachinery, resource.Quantity). Those for the size of the sidecar are given
 * the form in which the API server stores them: a value in another form would differ from the stored
 * one at every review.
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

/** How many of parseQuantity()'s units make one. */
export const NANO = 10n ** 9n

const QUANTITY = /^([+-]?)(\d{0,30})(?:\.(\d{0,30}))?([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,2})?$/

const EXPONENTS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
}

/**
 * Reads a quantity of any resource, in billionths, which is as fine as the API server counts: what is
 * finer is rounded up, away from zero. undefined: it is no quantity. Numbers are read as JSON has them.
 */
export function parseQuantity(raw: unknown): bigint | undefined {
  if (typeof raw !== 'string' && typeof raw !== 'number') return undefined
  const match = QUANTITY.exec(String(raw))
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', suffix = ''] = match
  if (whole + fraction === '') return undefined
  const [factor, exponent] = scaleOf(suffix)
  const amount = scaled(BigInt(whole + fraction) * factor, exponent + 9 - fraction.length)
  return sign === '-' ? -amount : amount
}

/** `digits` × 10^exponent, rounded up. */
function scaled(digits: bigint, exponent: number): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent)
  const divisor = 10n ** BigInt(-exponent)
  return (digits + divisor - 1n) / divisor
}

/** Binary factor and decimal exponent of a suffix. */
function scaleOf(suffix: string): readonly [factor: bigint, exponent: number] {
  if (suffix.endsWith('i')) return [1024n ** BigInt('KMGTPE'.indexOf(suffix.charAt(0)) + 1), 0]
  const exponent = /^[eE][+-]?\d/.test(suffix) ? Number(suffix.slice(1)) : EXPONENTS[suffix]
  return [1n, exponent ?? 0]
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
