/** A dashboard as a picture. */
import { drawChart, type NamedSeries } from './chart.ts'
import type { Dashboard, Panel, Threshold } from './dashboard.ts'
import { colourNamed, panelFrame, shortened, text, type Box } from './frame.ts'
import type { TimeRange } from './prometheus.ts'
import { formatValue } from './units.ts'

const WIDTH = 1440
const UNIT = { width: WIDTH / 24, height: 30, gap: 6 }
const HEADER = 34

/** The series of each panel, in the order of the dashboard's panels. */
export type PanelData = readonly (readonly NamedSeries[])[]

/** Draws all panels where Grafana would, as an SVG document. */
export function drawDashboard(dashboard: Dashboard, data: PanelData, range: TimeRange): string {
  const rows = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h))
  const height = HEADER + rows * UNIT.height + UNIT.gap
  const panels = dashboard.panels.map((panel, index) => drawPanel(panel, data[index] ?? [], range))
  const minutes = Math.round((range.end - range.start) / 60)
  const title = `${dashboard.title}: ${minutes} minutes, times in UTC`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="DejaVu Sans, Verdana, sans-serif">
<title>${title}</title>
<rect width="${WIDTH}" height="${height}" fill="#f4f5f5"/>
${text(10, 23, title, { size: 15, colour: '#222', bold: true })}
${panels.join('\n')}
</svg>
`
}

function drawPanel(panel: Panel, series: readonly NamedSeries[], range: TimeRange): string {
  const box = boxOf(panel)
  if (panel.type === 'row')
    return text(box.x + 4, box.y + 19, panel.title, { size: 14, colour: '#222', bold: true })
  const drawn = {
    stat: () => drawStat(panel, series, box),
    table: () => drawTable(series, box),
    timeseries: () => drawChart(panel, series, { box, range }),
  }[panel.type]()
  return `${panelFrame(box, panel.title)}\n${drawn}`
}

function boxOf({ gridPos: { x, y, w, h } }: Panel): Box {
  return {
    x: x * UNIT.width + UNIT.gap / 2,
    y: HEADER + y * UNIT.height + UNIT.gap / 2,
    width: w * UNIT.width - UNIT.gap,
    height: h * UNIT.height - UNIT.gap,
  }
}

/** The last value, in the colour of the threshold that it is past. */
function drawStat(panel: Panel, series: readonly NamedSeries[], box: Box): string {
  const value = series[0]?.points.at(-1)?.[1] ?? Number.NaN
  const { unit = 'short', decimals, thresholds } = panel.fieldConfig?.defaults ?? {}
  const label = formatValue(value, unit, decimals)
  const colour = colourOf(value, thresholds?.steps ?? [])
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2 + 22]
  return text(x, y, label, { size: 28, colour, anchor: 'middle', bold: true })
}

function colourOf(value: number, steps: readonly Threshold[]): string {
  const passed = steps.filter((step) => step.value === null || value >= step.value)
  return colourNamed(passed.at(-1)?.color ?? '#444')
}

/** One line a series: its labels and its last value. */
function drawTable(series: readonly NamedSeries[], box: Box): string {
  const live = series.filter(({ points }) => points.length > 0)
  const columns = [...new Set(live.flatMap(({ labels }) => Object.keys(labels)))].sort()
  const lines = [
    [...columns, 'count'],
    ...live.map(({ labels, points }) => [
      ...columns.map((column) => labels[column] ?? ''),
      formatValue(points.at(-1)?.[1] ?? Number.NaN, 'short', 0),
    ]),
  ]
  // The sensor's name is the longest by far.
  const widths = [...columns, 'count'].map((column) => (column === 'sensor' ? 3 : 1))
  const share = (box.width - 20) / widths.reduce((sum, width) => sum + width, 0)
  const left = (column: number): number =>
    box.x + 10 + share * widths.slice(0, column).reduce((sum, width) => sum + width, 0)
  return lines
    .flatMap((cells, row) =>
      cells.map((cell, column) =>
        text(left(column), box.y + 48 + row * 22, shortened(cell, (widths[column] ?? 1) * 13), {
          bold: row === 0,
        }),
      ),
    )
    .join('\n')
}
