/** dnsmasq on a host of a Wire. */
import { execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './until.ts'
import { HOSTS, type HostName, type Wire } from './wire.ts'

/** Time to live of all answers, in seconds. */
export const TTL_SECONDS = 2

/** A question that was asked: the type of record, and when by this machine's monotonic clock, in milliseconds. */
export interface Question {
  readonly type: string
  readonly at: number
}

/** A DNS server that knows all names of `example.test`; to those that it was not told it says no such name. */
export class WireDns {
  /** In the order in which they were asked. */
  readonly questions: Question[] = []
  readonly resolvConf: string
  readonly #names: string
  readonly #server: ChildProcess
  #log = ''

  private constructor(wire: Wire, host: HostName) {
    this.#names = join(wire.folder, 'names')
    this.resolvConf = join(wire.folder, 'resolv.conf')
    writeFileSync(this.#names, '')
    writeFileSync(this.resolvConf, `nameserver ${HOSTS[host].ipv4}\noptions timeout:1\n`)
    this.#server = wire.start(host, 'dnsmasq', ...this.#settings(host))
    this.#server.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#read(text)
    })
  }

  /** Starts a server on `host`; resolves when it answers. The Wire ends it. */
  static async start(wire: Wire, host: HostName): Promise<WireDns> {
    requireDnsmasq()
    const dns = new WireDns(wire, host)
    await until(
      () => `dnsmasq has started; it said: ${dns.#log}`,
      () => dns.#log.includes('read '),
    )
    return dns
  }

  /** From now on `name` has these addresses, and no other name has any; none: there is no such name. */
  async set(name: string, ...addresses: readonly string[]): Promise<void> {
    writeFileSync(this.#names, addresses.map((address) => `${address} ${name}\n`).join(''))
    const length = this.#log.length
    this.#server.kill('SIGHUP')
    await until(
      () => 'dnsmasq has read its names again',
      () => this.#log.slice(length).includes(`read ${this.#names}`),
    )
  }

  /** Ends the server. */
  async stop(): Promise<void> {
    const exited = once(this.#server, 'exit')
    this.#server.kill('SIGTERM')
    await exited
  }

  #settings(host: HostName): string[] {
    const { ipv4 } = HOSTS[host]
    const listen = [`--listen-address=${ipv4}`, '--bind-interfaces', '--user=root', '--pid-file']
    const names = ['--no-hosts', `--addn-hosts=${this.#names}`, '--local=/example.test/']
    const log = ['--log-queries', '--log-facility=-', '--log-async=0']
    const alone = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv']
    return [...alone, ...listen, ...names, ...log, `--local-ttl=${TTL_SECONDS}`]
  }

  #read(text: string): void {
    this.#log += text
    const at = performance.now()
    for (const [, type = ''] of text.matchAll(/query\[(\w+)\]/g)) this.questions.push({ type, at })
  }
}

function requireDnsmasq(): void {
  try {
    execFileSync('dnsmasq', ['--version'], { stdio: 'ignore' })
  } catch {
    throw new Error('missing dnsmasq: install with: apt-get install -y dnsmasq-base')
  }
}
