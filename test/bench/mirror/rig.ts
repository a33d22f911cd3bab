/**
 * Network namespaces for measurements: `client` (or whoever talks to the pod) and `pod` (with the
 * engine under test), joined by a bridge in `node`, which also has the wire to the sensor. What would
 * blur a figure is left out:
 *
 * - no address is learned or asked for: neighbours and the bridge's table are static, IPv6 is off
 * - the bridge shows no packet to netfilter, whatever the machine is set to, unless that is asked for
 * - the wire to the sensor ends in the air: on one machine the sensor's own work of receiving would
 *   be done in the sender's context and charged to it
 * - the wire cuts nothing by itself, so that the kernel splits super-datagrams (UDP_SEGMENT, and TCP
 *   inside VXLAN), as before a network card without these offloads, at the expense of the sender
 */
import { execFileSync } from 'node:child_process'

/** Addresses of the hosts; `other` is a host behind the pod's link that is not the pod. */
export const ADDRESSES = {
  pod: { ip: '10.78.0.1', mac: '02:00:00:00:78:01' },
  client: { ip: '10.78.0.2', mac: '02:00:00:00:78:02' },
  sensor: { ip: '10.78.0.3', mac: '02:00:00:00:78:03' },
  other: { ip: '10.78.0.9', mac: '02:00:00:00:78:09' },
} as const

const HOSTS = ['pod', 'client'] as const

/** What the wire does not do for the kernel. */
const OFFLOADS = [
  'tx-udp-segmentation',
  'tx-udp_tnl-segmentation',
  'tx-udp_tnl-csum-segmentation',
] as const

/** A host with a namespace of its own. */
export type BenchHost = (typeof HOSTS)[number]

/** The rig; close() removes all of it. */
export class Rig {
  readonly #prefix = `podtap-b-${process.pid}`
  readonly #tracks: boolean

  /** With `conntrack` the node tracks the connections that it forwards, as where kube-proxy runs. */
  constructor({ conntrack = false }: { readonly conntrack?: boolean } = {}) {
    this.#tracks = conntrack
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
    const [link] = JSON.parse(text) as { stats64: { tx: { packets: number; dropped: number } } }[]
    const { packets = 0, dropped = 0 } = link?.stats64.tx ?? {}
    return packets + dropped
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
    ip('netns', 'exec', node, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
    ip('-n', node, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', node, 'link', 'set', 'br0', 'up')
    this.#setNetfilter()
    for (const host of HOSTS) this.#addHost(host)
    this.#addWire()
    this.#setForwarding(ADDRESSES.other.mac, 'pod')
  }

  /** Without the module br_netfilter there is nothing to set; without a rule that asks, nothing is tracked. */
  #setNetfilter(): void {
    const node = this.#namespace('node')
    for (const table of ['iptables', 'ip6tables', 'arptables']) {
      const setting = `net.bridge.bridge-nf-call-${table}=${this.#tracks ? 1 : 0}`
      ip('netns', 'exec', node, 'sysctl', '--quiet', '--ignore', '--write', setting)
    }
    if (!this.#tracks) return
    const known = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED']
    ip('netns', 'exec', node, 'iptables', '-A', 'FORWARD', ...known, '-j', 'ACCEPT')
  }

  /**
   * A pair of virtual interfaces whose far end takes 68 bytes, the least that the kernel allows: it
   * refuses every mirrored frame before anything is received (is_skb_forwardable() in net/core/dev.c).
   */
  #addWire(): void {
    const node = this.#namespace('node')
    const { ip: address, mac } = ADDRESSES.sensor
    ip('-n', node, 'link', 'add', 'sensor', 'type', 'veth', 'peer', 'name', 'far')
    const off = OFFLOADS.flatMap((offload) => [offload, 'off'])
    ip('netns', 'exec', node, 'ethtool', '-K', 'sensor', ...off)
    ip('-n', node, 'link', 'set', 'far', 'mtu', '68', 'up')
    ip('-n', node, 'link', 'set', 'sensor', 'master', 'br0', 'up')
    this.#setNeighbour('pod', address, mac)
    this.#setForwarding(mac, 'sensor')
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

  #setForwarding(mac: string, port: BenchHost | 'sensor'): void {
    const node = this.#namespace('node')
    ip('netns', 'exec', node, 'bridge', 'fdb', 'replace', mac, 'dev', port, 'master', 'static')
  }
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
