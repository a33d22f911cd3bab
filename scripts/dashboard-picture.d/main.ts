/** What scripts/dashboard-picture runs: dashboard and Prometheus in, SVG out. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { NamedSeries } from './chart.ts'
import { expressionOf, legendOf, type Dashboard, type Panel } from './dashboard.ts'
import { drawDashboard } from './picture.ts'
import { queryRange, type TimeRange } from './prometheus.ts'

const ROOT = join(import.meta.dirname, '../..')
const POINTS = 120

try {
  const { values } = parseArgs({
    options: {
      prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
      minutes: { type: 'string', default: '10' },
      output: { type: 'string', default: join(ROOT, 'docs/dashboard.svg') },
    },
  })
  const range = lastMinutes(Number(values.minutes))
  const file = join(ROOT, 'manifests/monitoring/dashboard.json')
  const dashboard = JSON.parse(readFileSync(file, 'utf8')) as Dashboard
  const data = await Promise.all(
    dashboard.panels.map((panel) => seriesOf(panel, values.prometheus, range)),
  )
  writeFileSync(values.output, drawDashboard(dashboard, data, range))
} catch (error) {
  console.error(`podtap: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}

function lastMinutes(minutes: number): TimeRange {
  if (!(minutes > 0)) throw new Error('--minutes: expected a number above 0')
  const step = Math.max(1, Math.round((minutes * 60) / POINTS))
  const end = Math.floor(Date.now() / 1000 / step) * step
  return { start: end - Math.floor((minutes * 60) / step) * step, end, step }
}

async function seriesOf(panel: Panel, server: string, range: TimeRange): Promise<NamedSeries[]> {
  const asked = (panel.targets ?? []).map(async (target) => {
    const series = await queryRange(server, expressionOf(target, '30s'), range)
    return series.map((each) => ({ ...each, name: legendOf(target, each.labels) }))
  })
  const named = (await Promise.all(asked)).flat()
  // A destination that is no longer sent to is not a line of the table.
  return panel.type === 'table'
    ? named.filter(({ points }) => (points.at(-1)?.[0] ?? 0) >= range.end - range.step)
    : named.sort((a, b) => a.name.localeCompare(b.name))
}
