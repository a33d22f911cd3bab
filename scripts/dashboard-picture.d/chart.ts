/** A chart of series over time. */
import type { Panel } from './dashboard.ts'
import { PALETTE, shortened, text, type Box } from './frame.ts'
import type { Series, TimeRange } from './prometheus.ts'
import { formatValue } from './units.ts'

/** A series and its place in the legend. */
export interface NamedSeries extends Series {
  readonly name: string
}

interface Scale {
  readonly x: (time: number) => number
  readonly y: (value: number) => number
}

const MARGIN = { left: 74, right: 12, top: 32, bottom: 44 }

/** Legend entries beyond this are left out: there is no room. */
const MAX_LEGEND = 6

/** Draws the lines of `series`, or areas on top of each other where the panel stacks. */
export function drawChart(
  panel: Panel,
  series: readonly NamedSeries[],
  { box, range }: { readonly box: Box; readonly range: TimeRange },
): string {
  const stacked = panel.fieldConfig?.defaults.custom?.stacking?.mode === 'normal'
  const layers = stacked ? stack(series, range) : series
  const values = layers.flatMap(({ points }) => points.map(([, value]) => value))
  const top = niceTop(Math.max(...values.filter(Number.isFinite), 0), panel)
  const area = plotArea(box)
  const scale: Scale = {
    x: (time) => area.x + ((time - range.start) / (range.end - range.start)) * area.width,
    y: (value) => area.y + area.height - (value / top) * area.height,
  }
  const lines = layers.map((layer, index) => drawLayer(layer, { index, scale, stacked }))
  const empty = series.length === 0 ? [nothing(area)] : []
  return [
    ...axes(area, { top, panel, range }),
    ...(stacked ? lines.reverse() : lines),
    ...empty,
    legend(box, series),
  ].join('\n')
}

function plotArea({ x, y, width, height }: Box): Box {
  return {
    x: x + MARGIN.left,
    y: y + MARGIN.top,
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  }
}

/** Each series on top of those before it; where one has no value it adds nothing. */
function stack(series: readonly NamedSeries[], { start, end, step }: TimeRange): NamedSeries[] {
  const totals = new Map<number, number>()
  for (let time = start; time <= end; time += step) totals.set(time, 0)
  return series.map((each) => {
    for (const [time, value] of each.points) totals.set(time, (totals.get(time) ?? 0) + value)
    return { ...each, points: [...totals].sort(([a], [b]) => a - b) }
  })
}

function drawLayer(
  { points }: Series,
  {
    index,
    scale,
    stacked,
  }: { readonly index: number; readonly scale: Scale; readonly stacked: boolean },
): string {
  const colour = PALETTE[index % PALETTE.length] ?? '#000'
  const finite = points.filter(([, value]) => Number.isFinite(value))
  const path = finite.map(
    ([time, value]) => `${scale.x(time).toFixed(1)},${scale.y(value).toFixed(1)}`,
  )
  const [first, last] = [finite[0], finite.at(-1)]
  if (first === undefined || last === undefined) return ''
  const base = scale.y(0).toFixed(1)
  const ends = `${scale.x(last[0]).toFixed(1)},${base} ${scale.x(first[0]).toFixed(1)},${base}`
  const opacity = stacked ? 0.9 : 0.1
  const area = `<polygon points="${path.join(' ')} ${ends}" fill="${colour}" fill-opacity="${opacity}"/>`
  return `${area}<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.6"/>`
}

function axes(
  area: Box,
  { top, panel, range }: { readonly top: number; readonly panel: Panel; readonly range: TimeRange },
): string[] {
  const { unit = 'short', decimals } = panel.fieldConfig?.defaults ?? {}
  // Nobody counts halves of pods.
  const shares = [0, 0.5, 1].filter((share) => decimals !== 0 || Number.isInteger(top * share))
  const horizontal = shares.map((share) => {
    const y = area.y + area.height * (1 - share)
    const label = formatValue(
      top * share,
      unit,
      decimalsFor(top * share * (unit === 'percentunit' ? 100 : 1)),
    )
    const line = `<line x1="${area.x}" x2="${area.x + area.width}" y1="${y}" y2="${y}" stroke="#e6e6e6"/>`
    return line + text(area.x - 6, y + 4, label, { size: 11, anchor: 'end', colour: '#777' })
  })
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const time = new Date((range.start + (range.end - range.start) * share) * 1000)
    const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle'
    const x = area.x + area.width * share
    const label = time.toISOString().slice(11, 16)
    return text(x, area.y + area.height + 15, label, { size: 11, anchor, colour: '#777' })
  })
  return [...horizontal, ...marks]
}

function decimalsFor(value: number): number {
  if (value === 0 || Number.isInteger(value)) return 0
  return value < 0.01 ? 3 : value < 1 ? 2 : 1
}

/** The next round number, or what the panel says. */
function niceTop(highest: number, panel: Panel): number {
  const { max, unit } = panel.fieldConfig?.defaults ?? {}
  if (max !== undefined && unit !== 'percentunit') return max
  if (highest <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(highest))
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= highest) ?? 10) * power
}

function nothing(area: Box): string {
  const [x, y] = [area.x + area.width / 2, area.y + area.height / 2]
  return text(x, y, 'nothing in this time', { anchor: 'middle', colour: '#999' })
}

function legend({ x, y, width, height }: Box, series: readonly NamedSeries[]): string {
  const shown = series.slice(0, MAX_LEGEND)
  const slot = Math.min((width - 20) / shown.length, 220)
  return shown
    .map(({ name }, index) => {
      const left = x + 12 + index * slot
      const colour = PALETTE[index % PALETTE.length] ?? '#000'
      const mark = `<rect x="${left.toFixed(1)}" y="${y + height - 16}" width="10" height="4" fill="${colour}"/>`
      const label = shortened(name, Math.floor((slot - 18) / 6.7))
      return mark + text(left + 14, y + height - 10, label, { size: 11 })
    })
    .join('')
}
