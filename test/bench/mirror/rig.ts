/**
 * Network namespaces for measurements: `client` (or whoever talks to the pod), `pod` (with the engine
 * under test) and `sensor`, joined by a bridge in `node`. What would blur a figure is left out:
 *
 * - no address is learned or asked for: neighbours and the bridge's table are static, IPv6 is off
 * - the sensor drops everything at once, as a host does with frames for another address; what arrives
 *   there is counted by the node's side of its link
 * - that link splits what was sent with UDP_SEGMENT, as a network card without USO makes the kernel
 *   do, and the work is charged to whoever sent it
 */
import { execFileSync } from 'node:child_process'

/** Addresses of the hosts; `other` is a host behind the pod's link that is not the pod. */
export const ADDRESSES = {
  pod: { ip: '10.78.0.1', mac: '02:00:00:00:78:01' },
  client: { ip: '10.78.0.2', mac: '02:00:00:00:78:02' },
  sensor: { ip: '10.78.0.3', mac: '02:00:00:00:78:03' },
  other: { ip: '10.78.0.9', mac: '02:00:00:00:78:09' },
} as const

const HOSTS = ['pod', 'client', 'sensor'] as const

/** A host with a namespace of its own. */
export type BenchHost = (typeof HOSTS)[number]

/** The rig; close() removes all of it. */
export class Rig {
  readonly #prefix = `podtap-b-${process.pid}`

  constructor() {
    try {
      this.#build()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Arguments for `ip` that run a program on a host. */
  command(host: BenchHost, ...command: readonly string[]): string[] {
    return ['netns', 'exec', this.#namespace(host), ...command]
  }

  /** Runs a program on a host to its end; returns its output. */
  run(host: BenchHost, ...command: readonly string[]): string {
    return ip(...this.command(host, ...command))
  }

  /** How many datagrams have left for the sensor so far. */
  delivered(): number {
    const text = ip('-n', this.#namespace('node'), '-s', '-j', 'link', 'show', 'sensor')
    const [link] = JSON.parse(text) as { stats64: { tx: { packets: number } } }[]
    return link?.stats64.tx.packets ?? 0
  }

  close(): void {
    for (const host of ['node', ...HOSTS]) {
      try {
        ip('netns', 'del', this.#namespace(host))
      } catch {
        // It was never made.
      }
    }
  }

  #namespace(host: string): string {
    return `${this.#prefix}-${host}`
  }

  #build(): void {
    const node = this.#namespace('node')
    ip('netns', 'add', node)
    ip('-n', node, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', node, 'link', 'set', 'br0', 'up')
    for (const host of HOSTS) this.#addHost(host)
    ip('netns', 'exec', node, 'ethtool', '-K', 'sensor', 'tx-udp-segmentation', 'off')
    // The pod sends to the sensor under an address that is not the sensor's own.
    this.#setNeighbour('pod', ADDRESSES.sensor.ip, ADDRESSES.other.mac.replace(/09$/, '0a'))
    this.#setForwarding(ADDRESSES.other.mac.replace(/09$/, '0a'), 'sensor')
    this.#setForwarding(ADDRESSES.other.mac, 'pod')
  }

  #addHost(host: BenchHost): void {
    const [name, node] = [this.#namespace(host), this.#namespace('node')]
    const { ip: address, mac } = ADDRESSES[host]
    const peer = ['type', 'veth', 'peer', 'name', host, 'netns', node]
    ip('netns', 'add', name)
    ip('netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
    ip('-n', name, 'link', 'add', 'eth0', 'address', mac, ...peer)
    ip('-n', node, 'link', 'set', host, 'master', 'br0', 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')
    ip('-n', name, 'link', 'set', 'eth0', 'up')
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    this.#setForwarding(mac, host)
    for (const other of ['pod', 'client'] as const) {
      if (other !== host) this.#setNeighbour(host, ADDRESSES[other].ip, ADDRESSES[other].mac)
    }
  }

  #setNeighbour(host: BenchHost, address: string, mac: string): void {
    const entry = [address, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent']
    ip('-n', this.#namespace(host), 'neigh', 'replace', ...entry)
  }

  #setForwarding(mac: string, port: BenchHost): void {
    const node = this.#namespace('node')
    ip('netns', 'exec', node, 'bridge', 'fdb', 'replace', mac, 'dev', port, 'master', 'static')
  }
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
