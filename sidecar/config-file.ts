/** The configuration as a file: a JSON object whose keys are the variables of the environment. */
import { configError, type Environment } from '../lib/config.ts'
import { messageOf } from '../lib/errors.ts'
import { SIDECAR_ENVIRONMENT } from './contract.ts'
import { VENDOR_NAMES, VENDOR_UNUSED } from './vendor-names.ts'

/** What stands for a secret in a file that podtap writes; it is never read as a value. */
const MASKED = '***'

const KNOWN = new Set<string>([
  ...SIDECAR_ENVIRONMENT,
  ...VENDOR_NAMES.map(({ vendor }) => vendor),
  ...VENDOR_UNUSED,
])

/**
 * Reads the text of a configuration file. Values are strings, numbers, booleans, or lists of strings;
 * `path` is for messages.
 * @throws AppError ERR_CONFIG that names everything that is wrong.
 */
export function parseConfigFile(text: string, path: string): Environment {
  const entries = Object.entries(parseObject(text, path))
  const read = entries.map(([name, value]) => ({ name, value: toText(value) }))
  const problems = read.flatMap(({ name, value }) => {
    if (!KNOWN.has(name)) return [`${path}: ${JSON.stringify(name)} is not a variable of podtap`]
    const expected = 'expected text, a number, true, false, or a list of texts'
    return value === undefined ? [`${path}: ${name}: ${expected}`] : []
  })
  if (problems.length > 0) throw configError(problems)
  return Object.fromEntries(
    read.filter(({ value }) => value !== MASKED).map(({ name, value }) => [name, value]),
  )
}

/** The text of a file with `variables`; those of them that are secrets are masked. */
export function renderConfigFile(variables: Environment): string {
  const entries = Object.entries(variables).filter(([name, value]) => KNOWN.has(name) && value)
  const shown = entries.map(([name, value]) => [name, isSecret(name) ? MASKED : value])
  return `${JSON.stringify(Object.fromEntries(shown), undefined, 2)}\n`
}

function parseObject(text: string, path: string): object {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw configError([`${path}: expected JSON: ${messageOf(error)}`])
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  throw configError([`${path}: expected a JSON object with variables as keys`])
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  const isList = Array.isArray(value) && value.every((each) => typeof each === 'string')
  return isList ? value.join(' ') : undefined
}

function isSecret(name: string): boolean {
  return /(_KEY|_TOKEN|PASSWORD|SECRET)$/.test(name)
}
