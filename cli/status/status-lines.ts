/** `podtap status` for people. Pure. */
import { grouped, percent, rate } from '../output/numbers.ts'
import { renderTable, type Cell, type Column, type TableStyle } from '../output/table.ts'
import type { Tone } from '../output/style.ts'
import type {
  MirrorStatus,
  NamespaceStatus,
  PodStatus,
  StatusReport,
  StatusSummary,
  WorkloadStatus,
} from './status-report.ts'

/** Loss from which on it is coloured, as part of one: one frame of a thousand. */
const NOTABLE_LOSS = 0.001

/** A line of the table: a workload, or one of its pods. */
type Row =
  | { readonly workload: WorkloadStatus; readonly pod?: undefined }
  | { readonly pod: PodStatus; readonly workload?: undefined }

const COLUMNS: readonly Column<Row>[] = [
  { title: 'WORKLOAD / POD', cell: nameOf, shrinksTo: 16 },
  { title: 'STATE', cell: stateOf },
  {
    title: 'FRAMES/S',
    cell: (row) => mirrored(row, (mirror) => rate(mirror.framesPerSecond)),
    align: 'right',
  },
  { title: 'LOSS', cell: lossCell, align: 'right' },
  {
    title: 'CAPTURED',
    cell: (row) => mirrored(row, (mirror) => grouped(mirror.framesCaptured)),
    align: 'right',
    wide: true,
  },
  { title: 'NODE', cell: ({ pod }) => pod?.node ?? '', wide: true },
  { title: 'RESTARTS', cell: ({ pod }) => String(pod?.restarts ?? ''), align: 'right', wide: true },
  { title: 'SENSOR, OR WHY NOT', cell: sensorOrReason, shrinksTo: 12 },
]

/** The lines of the report: for each namespace a heading and a table of its workloads and pods. */
export function statusLines(report: StatusReport, style: TableStyle): readonly string[] {
  if (report.namespaces.length === 0) return NOTHING_ENABLED
  const rows = report.namespaces.map((namespace) => rowsOf(namespace))
  const [titles = '', ...lines] = renderTable(COLUMNS, rows.flat(), style)
  let next = 0
  const sections = report.namespaces.flatMap((namespace, index) => {
    const own = lines.slice(next, (next += rows[index]?.length ?? 0))
    const table = own.length === 0 ? [] : [titles, ...own]
    return [style.paint(headingOf(namespace), 'heading'), ...table, '']
  })
  return [...sections, ...conclusion(report, style)]
}

const NOTHING_ENABLED = [
  'No namespace is enabled, and no pod has a sidecar.',
  'Turn one on: kubectl annotate namespace NAME podtap.dev/inject=enabled',
]

/** A namespace that is not enabled is worth a table only where something is left in it. */
function rowsOf({ enabled, workloads }: NamespaceStatus): readonly Row[] {
  const shown = enabled ? workloads : workloads.filter(({ pods }) => pods.some(hasSidecar))
  return shown.flatMap((workload): readonly Row[] => {
    const pods = workload.pods.filter((pod) => saysMore(pod, workload))
    return [{ workload }, ...pods.map((pod): Row => ({ pod }))]
  })
}

function hasSidecar({ state, attached }: PodStatus): boolean {
  return attached === true || (state !== 'refused' && state !== 'missed')
}

/** Pods that are left out like their workload need no line each. */
function saysMore(pod: PodStatus, workload: WorkloadStatus): boolean {
  return pod.attached === true || pod.state !== 'refused' || pod.reason !== workload.reason
}

function headingOf(namespace: NamespaceStatus): string {
  const { name, enabled, summary } = namespace
  if (enabled) return `${name}: ${describe(summary, waitingIn([namespace]))}`
  if (summary.unwanted > 0)
    return `${name}: not enabled, but ${count(summary.unwanted, 'pod')} still mirrored until restarted`
  const pods = namespace.workloads.flatMap((workload) => workload.pods)
  const attached = pods.filter((pod) => pod.attached).length
  if (attached > 0)
    return `${name}: not enabled, but ${count(attached, 'pod')} mirrored for a while`
  return `${name}: not enabled (kubectl annotate namespace ${name} podtap.dev/inject=enabled)`
}

/** `3 of 6 pods mirrored, 1 waiting, 1 missed, 1 refused`. */
function describe(summary: StatusSummary, waiting: number): string {
  const { pods, mirrored, missed, stale, unwanted, refused } = summary
  const others = { waiting, missed, stale, unwanted, refused }
  const named = Object.entries(others).filter(([, number]) => number > 0)
  return [
    `${grouped(mirrored - waiting)} of ${count(pods, 'pod')} mirrored`,
    ...named.map(([state, number]) => `${grouped(number)} ${state}`),
  ].join(', ')
}

/** Pods that are as they should be, but for a sidecar that does not run. */
function waitingIn(namespaces: readonly Pick<NamespaceStatus, 'workloads'>[]): number {
  const pods = namespaces.flatMap(({ workloads }) => workloads.flatMap((each) => each.pods))
  return pods.filter(isWaiting).length
}

function isWaiting({ state, notRunning }: PodStatus): boolean {
  return state === 'mirrored' && notRunning !== undefined
}

function conclusion({ namespaces, summary }: StatusReport, style: TableStyle): readonly string[] {
  const drifted = summary.missed + summary.stale + summary.unwanted
  const total = namespaces.length > 1 ? [`All: ${describe(summary, waitingIn(namespaces))}.`] : []
  const unread = namespaces.flatMap(({ workloads }) =>
    workloads.flatMap(({ pods }) => pods.filter((pod) => pod.unread !== undefined)),
  )
  return [
    ...total,
    ...(unread.length > 0
      ? [
          `The counts of ${count(unread.length, 'pod')} could not be read: ${unread[0]?.unread ?? ''}.`,
        ]
      : []),
    ...(drifted > 0
      ? [style.paint(`A restart mends ${count(drifted, 'pod')}: podtap refresh --help`, 'warning')]
      : []),
  ]
}

function nameOf({ workload, pod }: Row): string {
  return workload ? workload.name : `  ${pod.name}`
}

function stateOf({ workload, pod }: Row): Cell {
  if (workload) {
    const { mirrored: good, pods } = countOf(workload)
    return `${good}/${pods}`
  }
  if (pod.notRunning !== undefined) return { text: 'waiting', tone: 'bad' }
  if (pod.attached) return { text: 'attached', tone: 'good' }
  return { text: pod.state, tone: toneOf(pod) }
}

function countOf({ pods }: WorkloadStatus): { readonly mirrored: number; readonly pods: number } {
  const good = pods.filter((pod) => pod.state === 'mirrored' && !isWaiting(pod))
  return { mirrored: good.length, pods: pods.length }
}

function toneOf({ state }: PodStatus): Tone {
  if (state === 'mirrored') return 'good'
  return state === 'refused' ? 'quiet' : 'warning'
}

function mirrored({ pod }: Row, show: (mirror: MirrorStatus) => string): string {
  return pod?.mirror === undefined ? '' : show(pod.mirror)
}

function lossCell(row: Row): Cell {
  const loss = row.pod?.mirror?.loss
  if (loss === undefined) return ''
  return loss >= NOTABLE_LOSS ? { text: percent(loss), tone: 'bad' } : percent(loss)
}

function sensorOrReason({ workload, pod }: Row): Cell {
  if (workload) {
    const left = workload.state === 'refused' || workload.pods.length === 0
    return left ? { text: reasonText(workload), tone: 'quiet' } : ''
  }
  if (pod.notRunning !== undefined)
    return { text: `sidecar does not run: ${pod.notRunning}`, tone: 'bad' }
  if (pod.mirror !== undefined) return destinationCell(pod.mirror)
  if (pod.unread !== undefined) return { text: 'not read', tone: 'quiet' }
  return pod.state === 'mirrored' || pod.attached
    ? ''
    : { text: reasonText(pod), tone: toneOf(pod) }
}

/** What is meant by a state that is not the webhook's own reason. */
function reasonText({ state, reason, detail }: Omit<PodStatus, 'name'>): string {
  if (state === 'missed') return 'made without the sidecar; a restart adds it'
  if (state === 'stale') return 'its sidecar is not as set now; a restart renews it'
  if (state === 'mirrored') return ''
  const restart = state === 'unwanted' ? '; a restart takes it out' : ''
  return `${reason}: ${detail}${restart}`
}

function destinationCell({ sensors, framesDropped }: MirrorStatus): Cell {
  const lost = Object.entries(framesDropped).map(
    ([reason, frames]) => `${reason} ${grouped(frames)}`,
  )
  // First, because the end of a line is what a narrow terminal cuts off.
  const losses = lost.length > 0 ? `lost: ${lost.join(', ')}; ` : ''
  if (sensors.length === 0) return { text: `${losses}no sensor`, tone: 'bad' }
  // The namespace is the same for nearly all of them; JSON has the whole name.
  return losses + sensors.map((sensor) => sensor.replace(/^.*\//, '')).join(', ')
}

function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`
}
