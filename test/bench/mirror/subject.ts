/** What is measured: the sidecar with one of its engines, or another way to mirror. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SIDECAR_FLAGS } from '../../../scripts/image.d/images.ts'
import { DEFAULT_METRICS_PORT } from '../../../sidecar/contract.ts'
import type { RingOptions } from '../../../sidecar/engine/ring/ring-options.ts'
import { CpuGroup } from './cgroup.ts'
import { ADDRESSES, type Rig } from './rig.ts'

/** The environment that makes a sidecar one of them. */
const SIDECARS = {
  ring: { ENGINE: 'ring', RECEIVER: 'socket', FIT: 'split' },
  'ring-nogso': { ENGINE: 'ring', RECEIVER: 'sniffer', FIT: 'split' },
  'ring-fragment': { ENGINE: 'ring', RECEIVER: 'socket', FIT: 'fragment' },
  cap: { ENGINE: 'cap' },
} as const

/** The sidecar with an engine, a mirror that npm cap makes in 20 lines, or the kernel's. */
export type SubjectName = keyof typeof SIDECARS | 'npm-cap' | 'kernel'

/** The compiled sidecar. */
export const SIDECAR = join(import.meta.dirname, '../../../dist/sidecar/main.js')

const NPM_CAP = join(import.meta.dirname, 'peers/npm-cap.ts')
const TUNED_RING = join(import.meta.dirname, 'tuned-ring.ts')

/** The CPU that it has for itself. */
export const SIDECAR_CPU = 1

/** Prints the sidecar's metrics, run in its network namespace. */
const SCRAPE = `process.stdout.write(await (await fetch('http://${ADDRESSES.pod.ip}:${DEFAULT_METRICS_PORT}/metrics')).text())`

/** Something that mirrors until close(). */
export interface Subject {
  /** CPU time so far, in microseconds; undefined for the kernel, which uses that of whoever sends. */
  usedUs(): number | undefined
  /** Resident memory in MB; undefined for the kernel. */
  rssMb(): number | undefined
  /** What the sidecar says by its metrics; nothing for the kernel. */
  ownCount(): OwnCount
  setQuota(us: number | undefined): void
  /** Sends a signal to the process; the kernel has none. */
  signal(name: NodeJS.Signals): void
  close(): Promise<void>
}

/** What a tuned ring has instead of the defaults. */
export type Settings = Partial<Pick<RingOptions, 'sourcePorts' | 'ring'>>

/** Starts the ring engine alone, with other settings; resolves when frames are captured. */
export async function startTuned(rig: Rig, settings: Settings): Promise<Subject> {
  const program = [TUNED_RING, ADDRESSES.sensor.ip, JSON.stringify(settings)]
  return startProgram(rig, [...SIDECAR_FLAGS, ...program], {})
}

/** Frames that the sidecar has seen, has sent, and could not mirror. */
export interface OwnCount {
  readonly captured: number
  readonly sent: number
  readonly lost: number
  /** The lost ones by their reason, where there are any. */
  readonly reasons: Readonly<Record<string, number>>
}

/** Starts to mirror; resolves when frames are captured. */
export async function startSubject(name: SubjectName, rig: Rig): Promise<Subject> {
  if (name === 'kernel') return startKernel(rig)
  if (name === 'npm-cap') return startProgram(rig, [NPM_CAP, ADDRESSES.sensor.ip], {})
  return startProgram(rig, [...SIDECAR_FLAGS, SIDECAR], SIDECARS[name])
}

async function startProgram(
  rig: Rig,
  program: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Subject> {
  const group = new CpuGroup()
  const command = ['ip', ...rig.command('pod', process.execPath, ...program)]
  const [shell = '', ...args] = group.wrap(SIDECAR_CPU, command)
  const child = spawn(shell, args, {
    env: { PATH: process.env['PATH'], SENSOR: ADDRESSES.sensor.ip, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await untilCapturing(child)
  return {
    usedUs: () => group.usedUs(),
    rssMb: () => rssMb(child.pid ?? 0),
    ownCount: () => countOf(rig.run('pod', process.execPath, '--input-type=module', '-e', SCRAPE)),
    setQuota: (us) => {
      group.setQuota(us)
    },
    signal: (name) => {
      child.kill(name)
    },
    close: async () => {
      group.setQuota(undefined)
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
      group.close()
    },
  }
}

/** Reads the sidecar's log until it says that it captures. */
async function untilCapturing(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error('expected a pipe')
  const lines = createInterface({ input: child.stdout })
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      said.push(line)
      if (line.includes('"state":"capturing"')) resolve()
    })
    child.on('exit', () => {
      reject(new Error(`the sidecar ended: ${said.join('\n')}`))
    })
  })
}

function countOf(metrics: string): OwnCount {
  const sum = (name: string): number =>
    [...metrics.matchAll(new RegExp(`^${name}(?:{.*})? (\\d+)`, 'gm'))]
      .map(([, value]) => Number(value))
      .reduce((total, value) => total + value, 0)
  return {
    captured: sum('podtap_frames_captured_total'),
    sent: sum('podtap_frames_sent_total'),
    lost: sum('podtap_frames_dropped_total'),
    reasons: Object.fromEntries(
      [...metrics.matchAll(/^podtap_frames_dropped_total{reason="(.*?)"} (\d+)/gm)]
        .map(([, reason = '', value]) => [reason, Number(value)] as const)
        .filter(([, value]) => value > 0),
    ),
  }
}

/** The whole tree: the engine `cap` has a process of its own. */
function rssMb(pid: number): number {
  const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  if (children === '') return own
  return children.split(' ').reduce((sum, child) => sum + rssMb(Number(child)), own)
}

/** tc mirred on both directions of eth0 into a vxlan device; VXLAN itself is let through unmirrored. */
function startKernel(rig: Rig): Promise<Subject> {
  const tc = (...args: readonly string[]): string => rig.run('pod', 'tc', ...args)
  const remote = ['remote', ADDRESSES.sensor.ip, 'dstport', '4789', 'dev', 'eth0']
  rig.run('pod', 'ip', 'link', 'add', 'vx0', 'type', 'vxlan', 'id', '1', ...remote)
  rig.run('pod', 'ip', 'link', 'set', 'vx0', 'up')
  tc('qdisc', 'add', 'dev', 'eth0', 'clsact')
  const udp = ['match', 'ip', 'protocol', '17', '0xff']
  const port = ['match', 'ip', 'dport', '4789', '0xffff']
  const ours = ['protocol', 'ip', 'prio', '1', 'u32', ...udp, ...port]
  tc('filter', 'add', 'dev', 'eth0', 'egress', ...ours, 'classid', '1:1')
  for (const direction of ['ingress', 'egress']) {
    const all = ['protocol', 'all', 'prio', '2', 'u32', 'match', 'u32', '0', '0']
    const mirror = ['action', 'mirred', 'egress', 'mirror', 'dev', 'vx0']
    tc('filter', 'add', 'dev', 'eth0', direction, ...all, ...mirror)
  }
  return Promise.resolve({
    usedUs: () => undefined,
    rssMb: () => undefined,
    ownCount: () => ({ captured: 0, sent: 0, lost: 0, reasons: {} }),
    setQuota: () => undefined,
    signal: () => undefined,
    close: () => {
      tc('qdisc', 'del', 'dev', 'eth0', 'clsact')
      rig.run('pod', 'ip', 'link', 'del', 'vx0')
      return Promise.resolve()
    },
  })
}
