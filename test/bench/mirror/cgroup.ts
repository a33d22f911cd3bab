/** A control group for one process: its CPU time, and a CPU quota. Version 1 and version 2. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'
const PERIOD_US = 100_000
const IS_V2 = existsSync(join(ROOT, 'cgroup.controllers'))

let groups = 0

/** A control group; close() removes it when its processes have ended. */
export class CpuGroup {
  readonly #accounting: string
  readonly #quota: string

  constructor() {
    const name = `podtap-bench-${process.pid}-${++groups}`
    this.#accounting = IS_V2 ? join(ROOT, name) : join(ROOT, 'cpuacct', name)
    this.#quota = IS_V2 ? this.#accounting : join(ROOT, 'cpu', name)
    if (IS_V2) writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+cpu')
    for (const path of this.#paths()) mkdirSync(path, { recursive: true })
  }

  /** A shell command that enters the group and becomes `command`, pinned to one CPU. */
  wrap(cpu: number, command: readonly string[]): string[] {
    const enter = this.#paths().map((path) => `echo $$ > ${path}/cgroup.procs`)
    return ['sh', '-c', `${enter.join('; ')}; exec taskset -c ${cpu} "$@"`, 'sh', ...command]
  }

  /** Takes a running process in, with all its threads. */
  add(pid: number): void {
    for (const path of this.#paths()) writeFileSync(join(path, 'cgroup.procs'), `${pid}`)
  }

  /** CPU time so far, all threads, system time included, in microseconds. */
  usedUs(): number {
    if (!IS_V2) return Number(readFileSync(join(this.#accounting, 'cpuacct.usage'), 'utf8')) / 1000
    const stat = readFileSync(join(this.#accounting, 'cpu.stat'), 'utf8')
    return Number(/usage_usec (\d+)/.exec(stat)?.[1])
  }

  /** Grants `us` microseconds in every 100 ms; undefined: no limit. */
  setQuota(us: number | undefined): void {
    if (IS_V2) writeFileSync(join(this.#quota, 'cpu.max'), `${us ?? 'max'} ${PERIOD_US}`)
    else {
      writeFileSync(join(this.#quota, 'cpu.cfs_period_us'), `${PERIOD_US}`)
      writeFileSync(join(this.#quota, 'cpu.cfs_quota_us'), `${us ?? -1}`)
    }
  }

  close(): void {
    for (const path of this.#paths()) rmdirSync(path)
  }

  #paths(): string[] {
    return [...new Set([this.#accounting, this.#quota])]
  }
}
