/**
 * Configuration from environment variables, checked once at start: every field is parsed by its own
 * rule and all failures are reported together, so that nobody fixes a manifest one restart at a time.
 */
import { AppError } from './errors.ts'

/** The outcome of reading one value: `value`, or what would have been `expected` instead. */
export type Parsed<T> = { readonly value: T } | { readonly expected: string }

/** Reads one non-empty raw value. */
export type Parser<T> = (raw: string) => Parsed<T>

/** How one variable is read: `fallback` is used when it is unset or empty; without one it is required. */
export interface Field<T> {
  readonly parse: Parser<T>
  readonly fallback?: T
}

/** Variable name → field. */
export type Schema = Readonly<Record<string, Field<unknown>>>

/** The configuration that a schema yields: variable name → parsed value. */
export type ConfigOf<S extends Schema> = {
  readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never
}

/** The variables of a process, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads all fields of `schema` from `env`. Unset and empty variables count as absent (a manifest
 * cannot unset a variable, only empty it). `nameOf` says how messages name a variable, for those who
 * did not set it as one: a command line names its options.
 * @throws AppError ERR_CONFIG naming every bad field, what was expected and what was received.
 */
export function loadConfig<S extends Schema>(
  schema: S,
  env: Environment,
  nameOf: (variable: string) => string = (variable) => variable,
): ConfigOf<S> {
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  for (const [name, field] of Object.entries(schema)) {
    const read = readField(field, env[name])
    if ('expected' in read) problems.push(describeProblem(nameOf(name), read.expected, env[name]))
    else values[name] = read.value
  }
  if (problems.length > 0) throw configError(problems)
  return values as ConfigOf<S>
}

/** The error for `problems`, one sentence each, that every configuration check reports with. */
export function configError(problems: readonly string[]): AppError {
  return new AppError('ERR_CONFIG', `invalid configuration: ${problems.join('; ')}`)
}

/** One problem as text: the field, what was expected and what was received. */
export function describeProblem(name: string, expected: string, raw: string | undefined): string {
  const received = raw === undefined || raw === '' ? 'nothing' : JSON.stringify(shorten(raw))
  return `${name}: expected ${expected}, received ${received}`
}

/** A field that may be absent; it then has the value undefined. */
export function optional<T>(parse: Parser<T>): Field<T | undefined> {
  return { parse, fallback: undefined }
}

/** A decimal integer in [min, max]. */
export function integer(min: number, max: number): Parser<number> {
  return (raw) => {
    const value = Number(raw)
    const valid = /^\d+$/.test(raw) && value >= min && value <= max
    return valid ? { value } : { expected: `an integer ${min}…${max}` }
  }
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A time in whole seconds, minutes, hours or days, `90s` or `365d`, in [min, max]; in milliseconds. */
export function duration(min: string, max: string): Parser<number> {
  const expected = `a time of ${min}…${max}, such as 90s, 10m, 12h or 365d`
  return (raw) => {
    const value = millisecondsOf(raw)
    const valid = value >= millisecondsOf(min) && value <= millisecondsOf(max)
    return valid ? { value } : { expected }
  }
}

/** NaN, which compares with nothing, where `text` is not a duration. */
function millisecondsOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
}

/** One of a closed set of words. */
export function oneOf<const T extends string>(...words: readonly T[]): Parser<T> {
  return (raw) => {
    const value = words.find((word) => word === raw)
    return value === undefined ? { expected: `one of ${words.join(', ')}` } : { value }
  }
}

/** Text that matches `pattern` as a whole; `expected` says so in words. */
export function text(pattern: RegExp, expected: string): Parser<string> {
  return (raw) => (pattern.test(raw) ? { value: raw } : { expected })
}

function readField(field: Field<unknown>, raw: string | undefined): Parsed<unknown> {
  if (raw !== undefined && raw !== '') return field.parse(raw)
  return 'fallback' in field ? { value: field.fallback } : { expected: 'a value (it is required)' }
}

function shorten(raw: string): string {
  return raw.length > 80 ? `${raw.slice(0, 80)}…` : raw
}
