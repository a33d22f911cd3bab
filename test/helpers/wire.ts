/**
 * A small network of real kernels' parts: network namespaces `pod`, `client` and `sensor`, each with an
 * `eth0`, joined by a bridge in a fourth one, as on a Kubernetes node. All of it is gone after close().
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireWirePrograms } from './wire-programs.ts'

const execFileAsync = promisify(execFile)

/** The hosts and their addresses. */
export const HOSTS = {
  pod: { ipv4: '10.77.0.1', ipv6: 'fd77::1', mac: '02:00:00:00:77:01' },
  client: { ipv4: '10.77.0.2', ipv6: 'fd77::2', mac: '02:00:00:00:77:02' },
  sensor: { ipv4: '10.77.0.3', ipv6: 'fd77::3', mac: '02:00:00:00:77:03' },
} as const

/**
 * A filter for what pod and client say to each other, and nothing of podtap or of the sensor. Without what
 * kernels say when they like, ARP and neighbour discovery (RFC 4861 section 4): one such frame between the
 * starts of two captures would tell them apart.
 */
export const CONVERSATION =
  'ip host 10.77.0.2 or (ip6 host fd77::2 and not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137))'

/** One of HOSTS. */
export type HostName = keyof typeof HOSTS

/** Where a program can run: on a host, or on the node between them. */
export type Place = HostName | 'node'

/** No command of a test takes longer. */
const COMMAND_TIMEOUT_MS = 30_000

const SEND_FRAMES = join(import.meta.dirname, 'send-frames.ts')

let wires = 0

/** How frames are sent. */
export interface SendOptions {
  /** How often all of them are; once unless said otherwise. */
  readonly rounds?: number
  /** The interface; eth0 unless said otherwise. */
  readonly from?: string
  /** So many each millisecond, at most; as fast as it goes unless said otherwise. */
  readonly perMs?: number
}

/** A frame whose checksum begins at `start` and is missing `offset` bytes from there. */
export interface PartialFrame {
  readonly frame: Uint8Array
  readonly start: number
  readonly offset: number
}

/** A network and all processes that tests started in it. */
export class Wire {
  /** A folder for captures. */
  readonly folder = mkdtempSync(join(tmpdir(), 'podtap-wire-'))
  readonly #prefix = `podtap-w-${process.pid}-${++wires}`
  #processes: ChildProcess[] = []

  /** Builds the network; on failure nothing of it stays. */
  static async open(): Promise<Wire> {
    requireWirePrograms()
    const wire = new Wire()
    try {
      await wire.#build()
    } catch (error) {
      await wire.close()
      throw error
    }
    return wire
  }

  /** Ends every process that was started here and removes the namespaces. */
  async close(): Promise<void> {
    await this.endProcesses()
    for (const host of ['node', ...Object.keys(HOSTS)]) {
      await ip('netns', 'del', this.#namespace(host)).catch(() => undefined)
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Ends every process that was started here. */
  async endProcesses(): Promise<void> {
    await Promise.all(this.#processes.map(end))
    this.#processes = []
  }

  /** Runs a program on a host to its end; resolves with its standard output. */
  async run(host: Place, program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await execFileAsync('ip', this.#exec(host, program, args), {
      timeout: COMMAND_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
  }

  /** Runs a program on the node, where each host's link has the host's name. */
  async runOnNode(program: string, ...args: readonly string[]): Promise<void> {
    await ip('netns', 'exec', this.#namespace('node'), program, ...args)
  }

  /** Runs JavaScript on a host to its end; resolves with its standard output. */
  script(host: Place, source: string, ...args: readonly string[]): Promise<string> {
    return this.run(host, process.execPath, '--input-type=module', '-e', source, ...args)
  }

  /** Starts a program on a host; close() ends it. Its streams are pipes. */
  start(host: Place, program: string, ...args: readonly string[]): ChildProcess {
    const child = spawn('ip', this.#exec(host, program, args), { stdio: 'pipe' })
    this.#processes.push(child)
    return child
  }

  /** Starts JavaScript on a host; resolves when it has printed its first line. */
  async startScript(host: Place, source: string): Promise<ChildProcess> {
    const child = this.start(host, process.execPath, '--input-type=module', '-e', source)
    await once(child.stdout!, 'data')
    return child
  }

  /** Sends raw Ethernet frames from an interface of a host; resolves when they are gone. */
  sendFrames(host: Place, frames: readonly Uint8Array[], options: SendOptions = {}): Promise<void> {
    return this.#send(host, frames.map(toHex), options)
  }

  /** Sends frames whose checksums are left to a network card, as an interface of a host sees them. */
  sendPartial(host: Place, frames: readonly PartialFrame[]): Promise<void> {
    const lines = frames.map(({ frame, start, offset }) => `${toHex(frame)} ${start} ${offset}`)
    return this.#send(host, lines, {})
  }

  async #send(host: Place, lines: readonly string[], options: SendOptions): Promise<void> {
    const { rounds = 1, from = 'eth0', perMs = 0 } = options
    const args = [from, `${rounds}`, `${perMs}`]
    const sender = this.start(host, process.execPath, SEND_FRAMES, ...args)
    const exited = once(sender, 'exit')
    sender.stderr!.pipe(process.stderr)
    sender.stdin!.end(lines.join('\n'))
    const [code] = (await exited) as [number | null]
    if (code !== 0) throw new Error(`send-frames ended with ${code}`)
  }

  /** `ip link set eth0 up` or `down` on a host. */
  async setLink(host: Place, state: 'up' | 'down'): Promise<void> {
    await ip('-n', this.#namespace(host), 'link', 'set', 'eth0', state)
  }

  /** Sets the MTU of a host's eth0 and of the bridge's port behind it. */
  async setMtu(host: HostName, mtu: number): Promise<void> {
    await ip('-n', this.#namespace(host), 'link', 'set', 'eth0', 'mtu', `${mtu}`)
    await ip('-n', this.#namespace('node'), 'link', 'set', host, 'mtu', `${mtu}`)
  }

  /**
   * Lets a host answer every datagram for a closed port: no kind of ICMP error is limited any more. To
   * lift only the limit per receiver leaves that of the host, about 50 at once (icmp_msgs_burst).
   */
  async unlimitIcmpErrors(host: HostName): Promise<void> {
    const [none, informational] = ['0 > ipv4/icmp_ratemask', '255 > ipv6/icmp/ratemask']
    await this.run(host, 'sh', '-c', `cd /proc/sys/net; echo ${none}; echo ${informational}`)
  }

  /** Adds a kernel VXLAN device `vx0` at the sensor, which unpacks what arrives. */
  async addVxlan(vni: number, local: string): Promise<void> {
    const sensor = this.#namespace('sensor')
    const device = ['type', 'vxlan', 'id', `${vni}`, 'dstport', '4789', 'local', local]
    await ip('-n', sensor, 'link', 'add', 'vx0', ...device, 'nolearning')
    // It would join small frames to larger ones, and speak by itself.
    await this.run('sensor', 'ethtool', '-K', 'vx0', 'gro', 'off')
    await this.run('sensor', 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/vx0/disable_ipv6')
    await ip('-n', sensor, 'link', 'set', 'vx0', 'up')
  }

  /** Another cable between the node, where it has the name `onTheNode`, and `eth1` of a host. */
  async addCable(host: HostName, onTheNode: string, mtu: number): Promise<void> {
    const peer = ['type', 'veth', 'peer', 'name', 'eth1', 'netns', this.#namespace(host)]
    await this.runOnNode('ip', 'link', 'add', onTheNode, 'mtu', `${mtu}`, ...peer)
    await this.runOnNode('ip', 'link', 'set', onTheNode, 'up')
    await this.run(host, 'ip', 'link', 'set', 'eth1', 'mtu', `${mtu}`, 'up')
  }

  #namespace(host: string): string {
    return `${this.#prefix}-${host}`
  }

  #exec(host: Place, program: string, args: readonly string[]): string[] {
    return ['netns', 'exec', this.#namespace(host), program, ...args]
  }

  async #build(): Promise<void> {
    const node = this.#namespace('node')
    await ip('netns', 'add', node)
    await ip('-n', node, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
    await ip('-n', node, 'link', 'set', 'br0', 'up')
    const hosts = Object.keys(HOSTS) as HostName[]
    for (const host of hosts) await this.#addHost(host)
    for (const host of hosts) await this.#introduce(host)
  }

  /** Linux discards the oldest of a burst that comes before ARP has an answer: that has a test of its own. */
  async #introduce(host: HostName): Promise<void> {
    for (const { ipv4, ipv6, mac } of Object.values(HOSTS)) {
      if (mac === HOSTS[host].mac) continue
      for (const address of [ipv4, ipv6]) {
        const known = ['lladdr', mac, 'dev', 'eth0', 'nud', 'permanent']
        await ip('-n', this.#namespace(host), 'neigh', 'add', address, ...known)
      }
    }
  }

  async #addHost(host: HostName): Promise<void> {
    const [name, node] = [this.#namespace(host), this.#namespace('node')]
    const { ipv4, ipv6, mac } = HOSTS[host]
    const peer = ['type', 'veth', 'peer', 'name', host, 'netns', node]
    await ip('netns', 'add', name)
    await ip('-n', name, 'link', 'add', 'eth0', 'address', mac, ...peer)
    await ip('-n', node, 'link', 'set', host, 'master', 'br0', 'up')
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    await ip('-n', name, 'addr', 'add', `${ipv4}/24`, 'dev', 'eth0')
    await ip('-n', name, 'addr', 'add', `${ipv6}/64`, 'dev', 'eth0', 'nodad')
    await ip('-n', name, 'link', 'set', 'eth0', 'up')
  }
}

function toHex(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex')
}

/** Ends a child by its own id and resolves when it is gone. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function ip(...args: readonly string[]): Promise<void> {
  await execFileAsync('ip', args, { timeout: COMMAND_TIMEOUT_MS })
}
