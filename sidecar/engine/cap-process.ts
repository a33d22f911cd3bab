/**
 * The capture process of the engine `cap`. npm cap needs one of its own: it aborts when the interface
 * goes down, cannot close and open again, and does not run in worker threads.
 */
import { AppError, messageOf } from '../../lib/errors.ts'
import { openCapture, SNAPSHOT_BYTES, type Capture, type CaptureOptions } from './cap-capture.ts'
import type { CapCommand, CapReport } from './cap-messages.ts'
import type { Destination } from './engine.ts'
import { FrameSender } from './frame-sender.ts'
import { FrameTally } from './frame-tally.ts'
import { asksForVlan, compileFilters } from './libpcap.ts'
import { createLoopBudget } from './loop-budget.ts'
import { captureFilter } from './own-packets.ts'
import { prepareSockets, sharePorts } from './prepare-sockets.ts'
import { guardProcess } from './process-guard.ts'
import { SensorConnection, type OpenSiblings } from './sensor-connection.ts'
import type { PortRange } from './source-port-ranges.ts'
import { openSiblings, openSourcePorts } from './source-ports.ts'

/** How often counters go to the parent while they change: what a crash can lose of the counts. */
const REPORT_MS = 250

/** For how long frames may keep the event loop from turning; a thousand take about as long. */
const LOOP_ALLOWANCE = { milliseconds: 100, frames: 1000 }

/** Most time that stopping waits for datagrams under way. */
const FLUSH_MS = 500

type StartCommand = Extract<CapCommand, { type: 'start' }>

interface Mirror {
  readonly setDestinations: (destinations: readonly Destination[]) => void
  readonly setFilter: (expression: string) => Promise<void>
  readonly report: () => void
  readonly stop: () => Promise<void>
}

let mirror: Promise<Mirror> | undefined

guardProcess()
// A terminal sends its signals to all processes; the parent is the one that answers them.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => void stopMirror())
process.on('message', (command: CapCommand) => {
  obey(command).catch(fail)
})

async function obey(command: CapCommand): Promise<void> {
  if (command.type === 'start') {
    mirror = startMirror(command)
    await mirror
    tell({ type: 'ready' })
  } else if (command.type === 'stop') await stopMirror()
  else if (command.type === 'report') (await mirror)?.report()
  else if (command.type === 'destinations') (await mirror)?.setDestinations(command.destinations)
  else {
    await (await mirror)?.setFilter(command.expression)
    tell({ type: 'filtered' })
  }
}

async function startMirror({ options, direction, destinations }: StartCommand): Promise<Mirror> {
  const ports = await openSourcePorts()
  prepareSockets([...ports.ipv4, ...ports.ipv6])
  const tally = new FrameTally()
  const sender = new FrameSender(options.vni, tally)
  const connection = new SensorConnection(ports, sender, openMore(ports))
  await connection.setDestinations(destinations)
  const { first, last } = ports
  const own = { sensorPort: options.sensorPort, sourcePorts: { first, last }, direction }
  const compile = (user: string): Promise<Uint8Array> =>
    compileFilters([captureFilter('', own), user], SNAPSHOT_BYTES)
  // What asks for VLAN tags cannot be part of a larger expression, see compileFilters().
  const later = asksForVlan(options.filter) ? await compile(options.filter) : undefined
  const capture = openCapture({
    interfaceName: options.interfaceName,
    filter: captureFilter(later ? '' : options.filter, own),
    onFrame: countAndSend(sender, tally),
  })
  if (later) capture.setFilter(later)
  const reports = createReports(tally, capture)
  return {
    setDestinations: (next) => void connection.setDestinations(next),
    setFilter: async (expression) => {
      capture.setFilter(await compile(expression))
    },
    report: reports.send,
    stop: async () => {
      reports.stop()
      await Promise.race([sender.flush(), timeLimit()])
      reports.send()
      capture.close()
      await connection.close()
    },
  }
}

/** Opens more sockets at the ports of this process; nobody else can have them meanwhile but for that moment. */
function openMore(ports: PortRange): OpenSiblings {
  return async (family) => {
    sharePorts(true)
    try {
      const siblings = await openSiblings(ports, family)
      prepareSockets(siblings)
      return siblings
    } finally {
      sharePorts(false)
    }
  }
}

function countAndSend(sender: FrameSender, tally: FrameTally): CaptureOptions['onFrame'] {
  const budget = createLoopBudget(LOOP_ALLOWANCE, () => performance.now())
  return (frame, isTruncated) => {
    tally.captured(frame.end - frame.start)
    if (isTruncated) tally.dropped('truncated')
    else if (budget.isSpent()) tally.dropped('backlog')
    else sender.send(frame)
  }
}

/** Reports counters on demand, and by itself while they change. */
function createReports(
  tally: FrameTally,
  capture: Capture,
): { send: () => void; stop: () => void } {
  let reported = ''
  const send = (): void => {
    tally.lostInKernel(capture.takeDrops())
    const counters = tally.snapshot()
    reported = JSON.stringify(counters)
    tell({ type: 'counters', counters })
  }
  const timer = setInterval(() => {
    tally.lostInKernel(capture.takeDrops())
    if (JSON.stringify(tally.snapshot()) !== reported) send()
  }, REPORT_MS)
  return {
    send,
    stop: () => {
      clearInterval(timer)
    },
  }
}

/** Stops once; the process then ends by itself, because nothing is left that it could wait for. */
async function stopMirror(): Promise<void> {
  const running = await mirror?.catch(() => undefined)
  mirror = undefined
  await running?.stop()
  if (process.connected) process.disconnect?.()
}

function fail(error: unknown): void {
  const code = error instanceof AppError ? error.code : 'ERR_CAPTURE'
  tell({ type: 'failed', code, message: messageOf(error) })
}

function tell(report: CapReport): void {
  // The parent may be gone already; then there is nobody to tell.
  if (process.connected) process.send?.(report, undefined, undefined, () => undefined)
}

function timeLimit(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref())
}
