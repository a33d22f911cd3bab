/**
 * Measures POST /mutate of the webhook's own program, with 1,000 namespaces and 10,000 stored
 * revisions, beside a bare Fastify echo of the same bytes: over TLS, in turn on the same CPU, with the
 * client on another. `bytes` is an echo that does not even parse them. Takes about 50 seconds.
 *
 *   --json           figures instead of a table
 *   --profile DIR    write a CPU profile of the webhook there
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startBenchApi } from './mutate/api.ts'
import { Connection, requestBytes } from './mutate/connection.ts'
import * as measured from './mutate/load.ts'
import { reviewOfSize, type ReviewFixture } from './mutate/reviews.ts'
import { ServerProcess } from './mutate/server-process.ts'

const SIZES = [4_000, 17_000, 60_000]
const ROUNDS = 6
const ROUND_MS = 600
const WARM_UP_MS = 1_000
const CLIENT_CPU = 0
const SERVER_CPU = 1

const SUBJECTS = ['webhook', 'echo', 'bytes'] as const

type Subject = (typeof SUBJECTS)[number]

/** One line of the table. */
interface Row {
  readonly deploymentBytes: number
  readonly reviewBytes: number
  readonly figures: Readonly<Record<Subject, measured.Figures>>
  /** The webhook's requests per second as a part of the echo's. */
  readonly perSecondRatio: number
  /** The webhook's 99th percentile as a multiple of the echo's. */
  readonly p99Ratio: number
}

/** What is wanted of every row. */
const AIMS = { perSecondRatio: 0.7, p99Ratio: 2, cpuMs: 2 }

type Servers = Readonly<Record<Subject, ServerProcess>>

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, profile: { type: 'string' } },
})
// All threads of this process: the client must not take time from the servers.
execFileSync('taskset', ['-a', '-c', '-p', String(CLIENT_CPU), String(process.pid)])
const rows = await measureAll(SIZES.map(reviewOfSize))
process.stdout.write(options.json ? `${JSON.stringify(rows, null, 2)}\n` : tableOf(rows))

async function measureAll(reviews: readonly ReviewFixture[]): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'podtap-bench-'))
  const api = await startBenchApi()
  const running: ServerProcess[] = []
  try {
    const webhook = await startWebhook(join(directory, 'kubeconfig'), api.url)
    running.push(webhook)
    const echo = await startEcho('parsed')
    running.push(echo)
    const bytes = await startEcho('bytes')
    running.push(bytes)
    const measuredRows: Row[] = []
    for (const review of reviews) measuredRows.push(await measure({ webhook, echo, bytes }, review))
    return measuredRows
  } finally {
    await Promise.all(running.map((server) => server.stop()))
    await api.stop()
    rmSync(directory, { recursive: true })
  }
}

async function startWebhook(kubeconfig: string, server: string): Promise<ServerProcess> {
  const config = {
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  }
  writeFileSync(kubeconfig, JSON.stringify(config))
  const profile = options.profile
  return ServerProcess.start({
    args: [
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      join(import.meta.dirname, '../../webhook/main.ts'),
    ],
    env: { KUBECONFIG: kubeconfig, LISTEN_PORT: 'PORT', DRAIN_SECONDS: '0' },
    cpu: SERVER_CPU,
  })
}

function startEcho(mode: 'parsed' | 'bytes'): Promise<ServerProcess> {
  const args = [join(import.meta.dirname, 'mutate/echo.ts'), 'PORT', mode]
  return ServerProcess.start({ args, cpu: SERVER_CPU })
}

/** Rounds in turn, so that whatever else the machine does falls on both servers alike. */
async function measure(servers: Servers, { body, deploymentBytes }: ReviewFixture): Promise<Row> {
  await assertPatched(servers.webhook, body)
  const request = requestBytes(body)
  for (const subject of SUBJECTS) await measured.load(servers[subject], request, WARM_UP_MS)
  const samples: Record<Subject, measured.Sample[]> = { webhook: [], echo: [], bytes: [] }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const subject of round % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed()) {
      samples[subject].push(await measured.load(servers[subject], request, ROUND_MS))
    }
  }
  const figuresOf = (subject: Subject): measured.Figures =>
    measured.figuresOf(measured.joined(samples[subject]))
  const webhook = figuresOf('webhook')
  const echo = figuresOf('echo')
  return {
    deploymentBytes,
    reviewBytes: Buffer.byteLength(body),
    figures: { webhook, echo, bytes: figuresOf('bytes') },
    perSecondRatio: webhook.perSecond / echo.perSecond,
    p99Ratio: webhook.p99Ms / echo.p99Ms,
  }
}

/** An answer without a patch would be fast, and no measure of anything. */
async function assertPatched({ port }: ServerProcess, body: string): Promise<void> {
  const connection = await Connection.open(port)
  const answer = await connection.exchange(requestBytes(body))
  connection.close()
  const text = answer.body.toString()
  if (!text.includes('"patch":')) throw new Error(`expected a patch, received ${text}`)
}

function tableOf(lines: readonly Row[]): string {
  const head = ['Deployment', 'review', '', 'req/s', 'p50 ms', 'p99 ms', 'CPU ms']
  const cells = lines.flatMap((row) => [
    ...SUBJECTS.map((subject, index) => [
      ...(index === 0 ? [kilobytes(row.deploymentBytes), kilobytes(row.reviewBytes)] : ['', '']),
      ...[subject, ...cellsOf(row.figures[subject])],
    ]),
    ['', '', 'ratio', row.perSecondRatio.toFixed(2), '', row.p99Ratio.toFixed(2), ''],
  ])
  const text = [head, ...cells].map((line) => line.map((cell) => cell.padStart(11)).join(''))
  return `${text.join('\n')}\n${verdictOf(lines)}\n`
}

function cellsOf({ perSecond, p50Ms, p99Ms, cpuMs }: measured.Figures): readonly string[] {
  return [perSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), cpuMs.toFixed(3)]
}

function kilobytes(count: number): string {
  return `${(count / 1000).toFixed(1)} kB`
}

function verdictOf(lines: readonly Row[]): string {
  const reached = lines.every(
    ({ perSecondRatio, p99Ratio, figures }) =>
      perSecondRatio >= AIMS.perSecondRatio &&
      p99Ratio <= AIMS.p99Ratio &&
      figures.webhook.cpuMs < AIMS.cpuMs,
  )
  const aims = `req/s ≥ ${AIMS.perSecondRatio}, p99 ≤ ${AIMS.p99Ratio}, CPU < ${AIMS.cpuMs} ms`
  return `aims (${aims}): ${reached ? 'reached' : 'not reached'}`
}
