/**
 * Measures the two ways to capture the interfaces of a node: one packet socket for all of them, which is
 * what podtap does, and one for each. The ways take turns within every round, so that what disturbs the
 * machine disturbs all of them. Needs root; takes two minutes.
 *
 *   npm run bench:host
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  WAYS,
  type ReadAnswer,
  type ReadRequest,
  type SendAnswer,
  type SendRequest,
  type Way,
} from './host/protocol.ts'

const COUNTS = [1, 20, 200]
const ROUNDS = 3
const PER_SECOND = 10_000
const SECONDS = 2

/** So many at once on one interface, while nothing is read: 10.5 MB. */
const BURST = 7_500

/** A program that answers each line with a line. */
interface Partner<Request, Answer> {
  ask(request: Request): Promise<Answer>
  end(): Promise<void>
}

/** What one run showed. */
interface Run {
  readonly way: Way
  readonly count: number
  readonly steady: ReadAnswer
  readonly sending: SendAnswer
  /** Frames of BURST that had room. */
  readonly kept: number
}

if (process.getuid?.() !== 0) throw new Error('the bench makes network interfaces: run it as root')
const namespace = `podtap-bench-host-${process.pid}`
const names = Array.from({ length: Math.max(...COUNTS) }, (_, index) => `bench${index}`)
ip(['netns', 'add', namespace])
try {
  ip(['-n', namespace, '-batch', '-'], names.map(vethLines).join('\n'))
  process.stdout.write(table(await measureAll()))
} finally {
  ip(['netns', 'del', namespace])
}

async function measureAll(): Promise<Run[]> {
  // Frames that enter by an interface were sent by its other end.
  const sender = await start<SendRequest, SendAnswer>(
    'sender',
    names.map((name) => `${name}-p`),
  )
  const runs: Run[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`)
    for (const count of COUNTS) {
      for (const way of Object.keys(WAYS) as Way[]) runs.push(await measure(way, count, sender))
    }
  }
  await sender.end()
  return runs
}

async function measure(
  way: Way,
  count: number,
  sender: Partner<SendRequest, SendAnswer>,
): Promise<Run> {
  const reader = await start<ReadRequest, ReadAnswer>('reader', [way, ...names.slice(0, count)])
  await Promise.all([
    reader.ask({ ms: 500 }),
    sender.ask({ interfaces: count, frames: 2_000, perSecond: PER_SECOND }),
  ])
  const [steady, sending] = await Promise.all([
    reader.ask({ ms: SECONDS * 1000 + 500 }),
    sender.ask({ interfaces: count, frames: PER_SECOND * SECONDS, perSecond: PER_SECOND }),
  ])
  const burst = reader.ask({ ms: 200, pauseMs: 500 })
  await sender.ask({ interfaces: 1, frames: BURST })
  const { frames: kept } = await burst
  await reader.end()
  return { way, count, steady, sending, kept }
}

async function start<Request, Answer>(
  program: string,
  args: readonly string[],
): Promise<Partner<Request, Answer>> {
  const file = join(import.meta.dirname, 'host', `${program}.ts`)
  const command = ['netns', 'exec', namespace, process.execPath, file, ...args]
  const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`the ${program} has ended`)
    return value
  }
  await next()
  return {
    ask: async (request) => {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return JSON.parse(await next()) as Answer
    },
    end: async () => {
      const exited = once(child, 'exit')
      child.stdin.end()
      await exited
    },
  }
}

function table(runs: readonly Run[]): string {
  const head = 'interfaces  way             ring MB  resident MB  longest KB  read µs  kernel µs'
  const rows = COUNTS.flatMap((count) => {
    return (Object.keys(WAYS) as Way[]).map((way) => {
      return row(runs.filter((run) => run.way === way && run.count === count))
    })
  })
  const about = Object.entries(WAYS).map(([way, meaning]) => `${way}: ${meaning}\n`)
  return `${[`${head}  lost  kept of a burst`, ...rows].join('\n')}\n\n${about.join('')}`
}

/** Medians of what is measured; what is lost counts over all rounds. */
function row(runs: readonly Run[]): string {
  const [{ way, count, steady }] = runs as [Run]
  const lost = runs.reduce((sum, run) => sum + run.steady.lost, 0)
  const cells = [
    `${count}`.padStart(10),
    way.padEnd(14),
    (steady.ringBytes / 2 ** 20).toFixed(1).padStart(8),
    (median(runs.map((run) => run.steady.residentBytes)) / 2 ** 20).toFixed(0).padStart(11),
    `${steady.longestBytes / 1024}`.padStart(10),
    median(runs.map((run) => run.steady.cpuUs / run.steady.frames))
      .toFixed(2)
      .padStart(7),
    median(runs.map((run) => run.sending.cpuUs / run.sending.sent))
      .toFixed(2)
      .padStart(9),
    `${lost}`.padStart(4),
    `${median(runs.map(({ kept }) => kept))} of ${BURST}`.padStart(15),
  ]
  return cells.join('  ')
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
}

function vethLines(name: string): string {
  const add = `link add ${name} up type veth peer name ${name}-p`
  return `${add}\nlink set ${name}-p up`
}

function ip(args: readonly string[], input = ''): void {
  execFileSync('ip', args, { input, stdio: ['pipe', 'ignore', 'inherit'] })
}
