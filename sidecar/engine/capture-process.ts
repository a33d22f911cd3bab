import { fork, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { AppError } from '../../lib/errors.ts'
import type { CapCommand, CapReport } from './cap-messages.ts'
import { zeroCounters } from './engine-counters.ts'
import type { Destination, EngineCounters } from './engine.ts'

/** The entry of the process: a sibling, .ts where Node strips types and .js where tsc has run. */
const ENTRY = new URL(`./cap-process${extname(import.meta.filename)}`, import.meta.url)

/** Its heap stays small, because its frames lie in buffers outside of it. */
const HEAP_LIMITS = ['--max-old-space-size=64', '--max-semi-space-size=2']

/** How long the process may take to answer, and to stop, before it is given up. */
const ANSWER_MS = 500
const STOP_MS = 2000

/** Enough of what a dying process says to recognise an assertion. */
const LAST_WORDS = 500

/** One capture process from its start to its end. */
export class CaptureProcess {
  /** Resolves when frames are captured; rejects with AppError when that fails or the process ends first. */
  readonly ready: Promise<void>
  /** Resolves when the process is gone, with the reason in words. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  readonly #ready = Promise.withResolvers<undefined>()
  readonly #waiting = new Set<() => void>()
  readonly #filtered: (() => void)[] = []
  #counters = zeroCounters()
  #lastWords = ''

  constructor(start: Extract<CapCommand, { type: 'start' }>) {
    this.#child = fork(ENTRY, {
      // Nothing of the environment concerns it.
      env: {},
      execArgv: HEAP_LIMITS,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.ready = this.#ready.promise
    this.ended = this.#watch()
    this.#tell(start)
  }

  /** The last counters that it reported. */
  get counters(): EngineCounters {
    return this.#counters
  }

  /** Sends to `destinations` from now on. */
  setDestinations(destinations: readonly Destination[]): void {
    this.#tell({ type: 'destinations', destinations })
  }

  /**
   * Captures what `expression`, which must have passed checkFilter(), matches. Resolves when that is so,
   * or when the process has ended: the next one begins with it.
   */
  async setFilter(expression: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#filtered.push(() => {
      resolve(undefined)
    })
    this.#tell({ type: 'filter', expression })
    await Promise.race([promise, this.ended])
  }

  /** Asks for new counters; resolves when they are there, the process ended or does not answer. */
  refresh(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(resolve, ANSWER_MS, undefined)
    this.#waiting.add(() => {
      clearTimeout(timer)
      resolve(undefined)
    })
    this.#tell({ type: 'report' })
    return promise
  }

  /** Ends it: in good order within STOP_MS, else by force. Resolves when it is gone. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
    this.#tell({ type: 'stop' })
    await this.ended
    clearTimeout(timer)
  }

  #watch(): Promise<string> {
    this.#child.on('message', (report: CapReport) => {
      this.#hear(report)
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS)
    })
    return new Promise((resolve) => {
      const end = (how: string): void => {
        this.#ready.reject(new AppError('ERR_CAPTURE', how))
        this.#answerAll()
        resolve(how)
      }
      this.#child.once('error', (error) => {
        end(`capture process did not start: ${error.message}`)
      })
      this.#child.once('close', (code, signal) => {
        const how = describeEnd(signal ?? `exit code ${code ?? 'unknown'}`, this.#lastWords)
        // Its last report may still be in the channel.
        if (!this.#child.connected) end(how)
        else
          this.#child.once('disconnect', () => {
            end(how)
          })
      })
    })
  }

  #hear(report: CapReport): void {
    if (report.type === 'ready') this.#ready.resolve(undefined)
    else if (report.type === 'filtered') this.#filtered.shift()?.()
    else if (report.type === 'counters') {
      this.#counters = report.counters
      this.#answerAll()
    } else {
      this.#ready.reject(new AppError(report.code, report.message))
      this.#child.kill('SIGKILL')
    }
  }

  #answerAll(): void {
    for (const answer of this.#waiting) answer()
    this.#waiting.clear()
  }

  #tell(command: CapCommand): void {
    // A process that is gone hears nothing; `ended` says so.
    if (this.#child.connected) this.#child.send(command, () => undefined)
  }
}

function describeEnd(how: string, lastWords: string): string {
  const line = lastWords.trim().split('\n').at(-1)
  return `capture process ended with ${how}${line ? `: ${line}` : ''}`
}
