/** The log of a pod as it is written, also while the API server is away for a while. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** How long to wait before a log that broke off is read again, in milliseconds. */
const RETRY_MS = 300

/** Follows the log of a pod's only container from its first line. */
export class PodLog {
  readonly #args: readonly string[]
  readonly #onLine: (line: string) => void
  #kubectl: ChildProcess | undefined
  #lines = 0
  #isLast = false

  /** `onLine` is called once for each line. */
  constructor(namespace: string, pod: string, onLine: (line: string) => void) {
    this.#args = ['-n', namespace, 'logs', '--follow', pod]
    this.#onLine = onLine
    this.#follow()
  }

  /** The pod ends now: when its log ends it is not read again, since another may have its name then. */
  endsSoon(): void {
    this.#isLast = true
  }

  /** Follows it no longer. */
  close(): void {
    this.#isLast = true
    this.#kubectl?.kill()
  }

  #follow(): void {
    const known = this.#lines
    let line = 0
    const child = spawn('kubectl', this.#args, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#kubectl = child
    createInterface({ input: child.stdout })
      .on('line', (text) => {
        line += 1
        if (line <= known) return
        this.#lines = line
        this.#onLine(text)
      })
      .on('close', () => {
        if (!this.#isLast) setTimeout(this.#again, RETRY_MS)
      })
  }

  readonly #again = (): void => {
    if (!this.#isLast) this.#follow()
  }
}
