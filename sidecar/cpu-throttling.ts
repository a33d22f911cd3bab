/** What the kernel's CPU controller says of this process' cgroup (cgroups(7)). */
import { readFile } from 'node:fs/promises'

/** Since the cgroup was made. */
export interface CpuThrottling {
  /** Periods (of 100 ms, usually) in which the quota was used up before they ended. */
  readonly periods: number
  /** How long it kept the cgroup's threads from running, added up over CPUs. */
  readonly seconds: number
}

const MOUNT = '/sys/fs/cgroup'

/** What `cpu.stat` says now; undefined where there is no quota to be used up, or nobody can tell. */
export async function readCpuThrottling(): Promise<CpuThrottling | undefined> {
  const cgroups = await readFile('/proc/self/cgroup', 'latin1').catch(() => '')
  for (const file of cpuStatFiles(cgroups)) {
    const read = parseCpuStat(await readFile(file, 'latin1').catch(() => ''))
    if (read !== undefined) return read
  }
  return undefined
}

/**
 * Where `cpu.stat` may be, best first, by the content of /proc/self/cgroup: `id:controllers:path` per
 * line, the controllers empty for version 2. A container sees its own cgroup as the root of the mount,
 * whatever the path says.
 */
export function cpuStatFiles(cgroups: string): readonly string[] {
  const lines = cgroups.split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
  const found = lines.flatMap((line) => {
    const [, controllers = '', path = ''] = line ?? []
    const isVersion1 = controllers.split(',').includes('cpu')
    if (line === null || (controllers !== '' && !isVersion1)) return []
    const mount = isVersion1 ? `${MOUNT}/${controllers}` : MOUNT
    return [`${mount}${path}/cpu.stat`.replace('//', '/'), `${mount}/cpu.stat`]
  })
  return [...new Set(found)]
}

/** Reads the content of `cpu.stat`: version 2 counts microseconds, version 1 nanoseconds. */
export function parseCpuStat(content: string): CpuThrottling | undefined {
  const valueOf = (name: string): number | undefined => {
    const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(content)
    return found ? Number(found[1]) : undefined
  }
  const periods = valueOf('nr_throttled')
  const [micros, nanos] = [valueOf('throttled_usec'), valueOf('throttled_time')]
  if (periods === undefined || (micros === undefined && nanos === undefined)) return undefined
  return { periods, seconds: micros === undefined ? (nanos ?? 0) / 1e9 : micros / 1e6 }
}
