/** Tables for people: as wide as what is in them, and no wider than the terminal. */
import type { Paint, Tone } from './style.ts'

/** What stands in a row. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

/** One column. */
export interface Column<Row> {
  readonly title: string
  cell(row: Row): Cell
  /** Numbers stand at the right. */
  readonly align?: 'left' | 'right'
  /** Shown only where much is asked for (`-o wide`). */
  readonly wide?: boolean
  /**
   * How narrow it may become, in characters, where the terminal is: the rest is cut off. Left out: it is
   * always shown whole.
   */
  readonly shrinksTo?: number
}

/** How a table is shown. */
export interface TableStyle {
  /** Characters per line; undefined: as many as it takes. */
  readonly columns: number | undefined
  readonly paint: Paint
  readonly wide?: boolean
}

const GAP = '  '

/** The lines of a table with its titles, none ending in white space. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: TableStyle,
): readonly string[] {
  const shown = columns.filter(({ wide }) => wide !== true || style.wide === true)
  const cells = rows.map((row) => shown.map((column) => column.cell(row)))
  const widths = fit(shown, naturalWidths(shown, cells), style.columns)
  const titles = shown.map(({ title }): Cell => ({ text: title, tone: 'heading' }))
  return [titles, ...cells].map((line) =>
    line
      .map((cell, index) => {
        const end = index === line.length - 1 && shown[index]?.align !== 'right'
        return renderCell(cell, { width: widths[index] ?? 0, column: shown[index], end }, style)
      })
      .join(GAP)
      .trimEnd(),
  )
}

/** `text` in at most `width` characters; an ellipsis stands for what is cut off. */
export function cut(text: string, width: number): string {
  const characters = Array.from(text)
  if (characters.length <= width) return text
  return width <= 0 ? '' : `${characters.slice(0, width - 1).join('')}…`
}

interface Place<Row> {
  readonly width: number
  readonly column: Column<Row> | undefined
  /** The last cell of a line is not filled up. */
  readonly end: boolean
}

function renderCell<Row>(
  cell: Cell,
  { width, column, end }: Place<Row>,
  style: TableStyle,
): string {
  const text = cut(textOf(cell), width)
  const filling = ' '.repeat(width - lengthOf(text))
  const painted = style.paint(text, typeof cell === 'string' ? undefined : cell.tone)
  if (column?.align === 'right') return filling + painted
  return end ? painted : painted + filling
}

function naturalWidths<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly Cell[])[],
): readonly number[] {
  return columns.map(({ title }, index) =>
    cells.reduce(
      (width, line) => Math.max(width, lengthOf(textOf(line[index] ?? ''))),
      lengthOf(title),
    ),
  )
}

/** Takes what is too much from the widest column that may shrink, until all fit or none may any more. */
function fit<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  available: number | undefined,
): readonly number[] {
  const widths = [...natural]
  const total = (): number => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length)
  while (available !== undefined && total() > available) {
    const room = widths.map((width, index) => width - (columns[index]?.shrinksTo ?? width))
    const widest = widths.reduce(
      (best, width, index) =>
        (room[index] ?? 0) > 0 && width > (widths[best] ?? 0) ? index : best,
      -1,
    )
    if (widest === -1) return widths
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text
}

function lengthOf(text: string): number {
  return Array.from(text).length
}
