import { configError, describeProblem } from '../../lib/config.ts'
import { OVERRIDES, type Override } from '../../webhook/admission/annotations.ts'

/** The options that change the attached sidecar, as they were written. */
export interface SidecarOptions {
  readonly sensor?: string
  readonly vni?: string
  readonly filter?: string
  readonly interface?: string
  readonly image?: string
}

/** The options that mean what annotations mean. */
const ANNOTATED = ['sensor', 'vni', 'filter', 'interface'] as const

/**
 * What the options change, by the rules of the annotations.
 * @throws AppError ERR_CONFIG that names every bad option.
 */
export function readSidecarOptions(options: SidecarOptions): Override {
  const problems: string[] = []
  let override: Override = options.image === undefined ? {} : { image: options.image }
  for (const name of ANNOTATED) {
    const raw = options[name]
    const read = raw === undefined ? undefined : OVERRIDES[`podtap.dev/${name}`]?.(raw)
    if (read === undefined) continue
    if ('expected' in read) problems.push(describeProblem(`--${name}`, read.expected, raw))
    else override = { ...override, ...read.value }
  }
  if (problems.length > 0) throw configError(problems)
  return override
}
