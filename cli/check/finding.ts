/** What `podtap check` finds. */

/**
 * - `ok`: it is as it should be
 * - `hint`: nothing is wrong, but somebody may want to know
 * - `warning`: it works, but not all of it, or not for long, or it could not be looked at
 * - `failure`: something that should be mirrored is not, or will not be
 */
export type Level = 'ok' | 'hint' | 'warning' | 'failure'

/** One thing that was looked at. */
export interface Finding {
  readonly level: Level
  /** A fact: `the webhook is ready: 2 of 2 replicas`. */
  readonly fact: string
  /** What to do about it; undefined where there is nothing to do. */
  readonly fix?: string
}

/** Findings about one part of the installation. */
export interface Section {
  readonly title: string
  readonly findings: readonly Finding[]
}

/** It is as it should be. */
export function ok(fact: string): Finding {
  return { level: 'ok', fact }
}

/** Nothing is wrong. */
export function hint(fact: string, fix?: string): Finding {
  return withFix('hint', fact, fix)
}

/** It works, but not all of it, or not for long. */
export function warning(fact: string, fix?: string): Finding {
  return withFix('warning', fact, fix)
}

/** Something that should be mirrored is not, or will not be. */
export function failure(fact: string, fix?: string): Finding {
  return withFix('failure', fact, fix)
}

/** What could not be looked at, and why. */
export function notChecked(what: string, problem: string): Finding {
  return warning(`${what} could not be checked: ${problem}`)
}

function withFix(level: Level, fact: string, fix: string | undefined): Finding {
  return fix === undefined ? { level, fact } : { level, fact, fix }
}
