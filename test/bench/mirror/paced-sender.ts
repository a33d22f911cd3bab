/** A program that sends mixes of frames at the rates that it is told. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { CpuGroup } from './cgroup.ts'
import type { BenchHost, Rig } from './rig.ts'
import type { Mix } from './traffic.ts'

/** Frames of a mix, per second, for so many seconds. */
export interface MixLoad {
  readonly mix: Mix
  readonly rate: number
  readonly seconds: number
}

/** Where a program runs, and who accounts for its CPU time. */
export interface Place {
  readonly host: BenchHost
  readonly cpu: number
  readonly group: CpuGroup
}

/** Starts `program` of this project's Node at a place of the rig. */
export function spawnAt(
  rig: Rig,
  { host, cpu, group }: Place,
  program: readonly string[],
): ChildProcessByStdio<Writable, Readable, null> {
  // The group first: `ip netns exec` mounts a /sys of its own.
  const [shell = '', ...args] = group.wrap(cpu, ['ip', ...rig.command(host, ...program)])
  return spawn(shell, args, { stdio: ['pipe', 'pipe', 'inherit'] })
}

/** Asks by a line (`mix rate seconds`), and is answered by one (`frames seconds`). */
export class PacedSender {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: Interface

  /** `script` is what Node runs, with its arguments; it says `ready` when it is. */
  constructor(rig: Rig, place: Place, script: readonly string[]) {
    this.#child = spawnAt(rig, place, [process.execPath, ...script])
    this.#answers = createInterface({ input: this.#child.stdout })
  }

  /** Resolves when the first load can be sent. */
  async ready(): Promise<void> {
    await once(this.#answers, 'line')
  }

  /** Resolves with how many frames were sent, and in how many seconds. */
  async send({ mix, rate, seconds }: MixLoad): Promise<{ frames: number; seconds: number }> {
    this.#child.stdin.write(`${mix} ${rate} ${seconds}\n`)
    const [answer] = (await once(this.#answers, 'line')) as [string]
    const [frames = 0, took = seconds] = answer.split(' ').map(Number)
    return { frames, seconds: took }
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.stdin.end()
    await exited
  }
}
