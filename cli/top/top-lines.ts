/** `podtap top` for people. Pure. */
import { bits, percent, rate } from '../output/numbers.ts'
import { renderTable, type Cell, type Column, type TableStyle } from '../output/table.ts'
import { totalOf, type PodRates } from './rates.ts'

/** Loss from which on it is coloured, as part of one. */
const NOTABLE_LOSS = 0.001

const COLUMNS: readonly Column<PodRates>[] = [
  { title: 'NAMESPACE', cell: ({ namespace }) => namespace, shrinksTo: 8 },
  { title: 'POD', cell: ({ pod }) => pod, shrinksTo: 16 },
  { title: 'NODE', cell: ({ node }) => node, wide: true },
  { title: 'FRAMES/S', cell: (row) => known(row, rate(row.framesPerSecond)), align: 'right' },
  { title: 'BIT/S', cell: (row) => known(row, bits(row.bitsPerSecond)), align: 'right' },
  { title: 'LOSS', cell: lossCell, align: 'right' },
  { title: 'SENSOR', cell: sensorCell, shrinksTo: 12 },
]

/** A heading with the totals, and a line for each pod, at most `rows` lines together. */
export function topLines(
  rates: readonly PodRates[],
  style: TableStyle,
  rows?: number,
): readonly string[] {
  if (rates.length === 0) return ['No pod with a running sidecar is here.']
  const total = totalOf(rates)
  const heading =
    `${rates.length} ${rates.length === 1 ? 'pod' : 'pods'}, ${rate(total.framesPerSecond)} frames/s, ` +
    `${bits(total.bitsPerSecond)}bit/s, ${percent(total.loss)} lost`
  // The heading, the titles, and a line that says how many are left out.
  const room = rows === undefined ? rates.length : Math.max(1, rows - 3)
  const shown = rates.length <= room ? rates : rates.slice(0, room)
  const left = rates.length - shown.length
  return [
    style.paint(heading, 'heading'),
    ...renderTable(COLUMNS, shown, style),
    ...(left > 0 ? [style.paint(`… and ${left} quieter ones`, 'quiet')] : []),
  ]
}

function known({ problem }: PodRates, text: string): string {
  return problem === undefined ? text : '-'
}

function lossCell(row: PodRates): Cell {
  const text = known(row, percent(row.loss))
  return row.loss >= NOTABLE_LOSS ? { text, tone: 'bad' } : text
}

function sensorCell({ sensors, droppedPerSecond, problem }: PodRates): Cell {
  if (problem !== undefined) return { text: problem, tone: 'warning' }
  const lost = Object.entries(droppedPerSecond).map(([reason, each]) => `${reason} ${rate(each)}/s`)
  const losses = lost.length > 0 ? `lost: ${lost.join(', ')}; ` : ''
  if (sensors.length === 0) return { text: `${losses}no sensor`, tone: 'bad' }
  return losses + sensors.map((sensor) => sensor.replace(/^.*\//, '')).join(', ')
}
