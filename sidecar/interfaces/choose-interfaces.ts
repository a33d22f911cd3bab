/** Which network interfaces are mirrored, by what their owner wants and what there is. */
import { RE2JS } from 're2js'
import type { Parsed } from '../../lib/config.ts'
import { ETHERNET, type Link } from '../engine/ring/link-messages.ts'

/** What the owner wants. */
export interface InterfaceRules {
  /** INTERFACE: names that are wanted, whether they exist or not; empty: none is named. */
  readonly names: readonly string[]
  /** INTERFACE_INCLUDE: expressions, see readExpressions(); with names these are wanted, too. */
  readonly include: readonly string[]
  /** INTERFACE_EXCLUDE: expressions of what is never taken; they win. */
  readonly exclude: readonly string[]
  /** INTERFACE_ANY: what appears later is judged by the same rules; otherwise the first choice stays. */
  readonly any: boolean
}

/** What is to be captured. */
export interface InterfaceChoice {
  /** Links to take, in the order of their index. */
  readonly taken: readonly Link[]
  /** Wanted, but their frames are not Ethernet. */
  readonly unfit: readonly Link[]
  /** Named, and not there. */
  readonly missing: readonly string[]
}

/**
 * Reads a list of extended regular expressions, separated by white space, in RE2's syntax: it covers
 * egrep's and is matched in linear time, so that no expression can stop the mirror. Back-references
 * and look-around do not exist in it.
 */
export function readExpressions(raw: string): Parsed<readonly string[]> {
  const expressions = raw.split(/\s+/).filter(Boolean)
  for (const expression of expressions) {
    const problem = problemOf(expression)
    if (problem !== undefined) return { expected: problem }
  }
  return { value: expressions }
}

/** Judges links by rules. With INTERFACE_ANY off the names that it took first stay the only ones. */
export class InterfaceChooser {
  readonly #rules: InterfaceRules
  readonly #include: readonly RE2JS[]
  readonly #exclude: readonly RE2JS[]
  #settled: ReadonlySet<string> | undefined

  /** The expressions must have passed readExpressions(). */
  constructor(rules: InterfaceRules) {
    this.#rules = rules
    this.#include = rules.include.map((each) => RE2JS.compile(each))
    this.#exclude = rules.exclude.map((each) => RE2JS.compile(each))
  }

  /** Whether every Ethernet interface is wanted, those to come as well. */
  get wantsAll(): boolean {
    const { names, include, exclude, any } = this.#rules
    return any && names.length === 0 && include.length === 0 && exclude.length === 0
  }

  /** The choice among `links`: all that there are. */
  choose(links: Iterable<Link>): InterfaceChoice {
    const all = [...links].sort((a, b) => a.index - b.index)
    const wanted = all.filter((link) => this.#wants(link))
    const present = new Set(all.map(({ name }) => name))
    if (!this.#rules.any) {
      this.#settled ??= new Set([...this.#rules.names, ...wanted.map(({ name }) => name)])
    }
    return {
      taken: wanted.filter(isFit),
      unfit: wanted.filter((link) => !isFit(link)),
      missing: this.#rules.names.filter((name) => !present.has(name)),
    }
  }

  #wants(link: Link): boolean {
    if (this.#settled !== undefined && !this.#settled.has(link.name)) return false
    const { names } = this.#rules
    if (matches(this.#exclude, link.name)) return false
    if (names.includes(link.name)) return true
    if (link.isLoopback) return false
    if (this.#include.length > 0) return matches(this.#include, link.name)
    return names.length === 0
  }
}

/** A loopback interface has Ethernet headers, too (ARPHRD_LOOPBACK); it is taken only by its name. */
function isFit(link: Link): boolean {
  return link.hardwareType === ETHERNET || link.isLoopback
}

function matches(expressions: readonly RE2JS[], name: string): boolean {
  return expressions.some((expression) => expression.matcher(name).find())
}

function problemOf(expression: string): string | undefined {
  const shown = expression.length > 40 ? `${expression.slice(0, 40)}…` : expression
  const expected = `regular expressions separated by spaces: ${JSON.stringify(shown)}`
  if (expression.length > MAX_EXPRESSION) return `${expected} is longer than ${MAX_EXPRESSION}`
  try {
    RE2JS.compile(expression)
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `${expected}: ${reason.replace(/^error parsing regexp: /, '')}`
  }
}

/** Characters of one expression: interface names have at most 15. */
const MAX_EXPRESSION = 500
