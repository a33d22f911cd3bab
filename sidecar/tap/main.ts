/**
 * Writes the frames of an interface to standard output, as a pcap file, until standard input ends or
 * falls silent: then whoever wanted them is gone. Runs beside the sidecar in its container, started by
 * `podtap tap` through `exec`; the sidecar's own capture does not know of it. Ends with EXIT_CODES; the
 * last line of standard error is `{"frames":…,"dropped":…}` or `{"error":…}`.
 */
import { constants, setPriority } from 'node:os'
import { AppError, messageOf } from '../../lib/errors.ts'
import { EXIT_CODES, TAP_SILENCE_SECONDS } from '../contract.ts'
import { checkFilter } from '../engine/libpcap.ts'
import { openLiveCapture, type LiveCapture } from './live-capture.ts'
import { tapFilters } from './tap-filter.ts'
import { readTapSettings } from './tap-settings.ts'

/** How long frames that were captured may take to be read after the end, in milliseconds. */
const LAST_WORDS_MS = 3000

async function main(): Promise<void> {
  // Both share one CPU quota, and mirroring comes first.
  setPriority(constants.priority.PRIORITY_LOW)
  const settings = readTapSettings(process.argv.slice(2), process.env)
  await checkFilter(settings.filter)
  const filters = tapFilters(settings.filter, settings.sensorPort)
  const capture = await openLiveCapture(settings.interfaceName, filters)
  endWithReader(capture, settings.seconds)
  let frames = 0
  for (;;) {
    const more = await capture.next(settings.count === undefined ? 0 : settings.count - frames)
    frames += more ?? 0
    if (more === undefined || frames === settings.count) break
  }
  end(EXIT_CODES.ok, { frames, dropped: capture.drops() })
}

/** Interrupts the capture when its reader is gone, or its time is over. */
function endWithReader(capture: LiveCapture, seconds: number | undefined): void {
  const stop = (): void => {
    capture.interrupt()
    // A reader that takes nothing any more holds up the thread that writes.
    setTimeout(() => {
      process.exit(EXIT_CODES.ok)
    }, LAST_WORDS_MS).unref()
  }
  const silence = setTimeout(stop, TAP_SILENCE_SECONDS * 1000)
  process.stdin.on('data', () => silence.refresh())
  for (const event of ['end', 'error'] as const) process.stdin.on(event, stop)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  if (seconds !== undefined) setTimeout(stop, seconds * 1000)
}

function end(code: number, lastWords: object): never {
  process.stderr.write(`${JSON.stringify(lastWords)}\n`)
  process.exit(code)
}

try {
  await main()
} catch (error) {
  const isConfig = error instanceof AppError && ['ERR_CONFIG', 'ERR_FILTER'].includes(error.code)
  const isOurs = error instanceof AppError
  const code = isConfig ? EXIT_CODES.config : isOurs ? EXIT_CODES.engine : EXIT_CODES.software
  end(code, { error: messageOf(error) })
}
