/** `podtap check` for people. Pure. */
import type { Tone } from '../output/style.ts'
import type { TableStyle } from '../output/table.ts'
import { wrap } from '../output/wrap.ts'
import type { Finding, Level, Section } from './finding.ts'

const MARKS: Readonly<Record<Level, { readonly mark: string; readonly tone: Tone }>> = {
  ok: { mark: '✓', tone: 'good' },
  hint: { mark: '·', tone: 'quiet' },
  warning: { mark: '!', tone: 'warning' },
  failure: { mark: '✗', tone: 'bad' },
}

/** The lines of all sections that have findings, each with a heading, and the sum of them. */
export function checkLines(sections: readonly Section[], style: TableStyle): readonly string[] {
  const shown = sections.filter(({ findings }) => findings.length > 0)
  const lines = shown.flatMap(({ title, findings }) => [
    style.paint(title, 'heading'),
    ...findings.flatMap((finding) => findingLines(finding, style)),
    '',
  ])
  return [...lines, conclusion(sections, style)]
}

/** How many findings of a level there are. */
export function countLevel(sections: readonly Section[], level: Level): number {
  return sections.flatMap(({ findings }) => findings).filter((finding) => finding.level === level)
    .length
}

function findingLines({ level, fact, fix }: Finding, style: TableStyle): readonly string[] {
  const { mark, tone } = MARKS[level]
  const width = style.columns === undefined ? undefined : style.columns - INDENT.length
  const [first = '', ...rest] = wrap(fact, width)
  const more = fix === undefined ? [] : wrapFix(fix, width)
  return [
    `${style.paint(mark, tone)} ${first}`,
    ...rest.map((line) => INDENT + line),
    ...more.map((line) => INDENT + style.paint(line, 'quiet')),
  ]
}

const INDENT = '  '

function wrapFix(fix: string, width: number | undefined): readonly string[] {
  const lines = wrap(fix, width === undefined ? undefined : width - FIX.length)
  return lines.map((line, index) => (index === 0 ? FIX : ' '.repeat(FIX.length)) + line)
}

const FIX = '→ '

function conclusion(sections: readonly Section[], style: TableStyle): string {
  const failures = countLevel(sections, 'failure')
  const warnings = countLevel(sections, 'warning')
  const sums = `${plural(failures, 'failure')}, ${plural(warnings, 'warning')}`
  if (failures > 0) return style.paint(`✗ ${sums}`, 'bad')
  return style.paint(
    warnings > 0 ? `! ${sums}` : '✓ all is well',
    warnings > 0 ? 'warning' : 'good',
  )
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
