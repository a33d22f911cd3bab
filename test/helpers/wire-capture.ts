/** tcpdump on a host of a Wire, and tshark on what it wrote. */
import { execFile, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readPcapFile } from './pcap-file.ts'
import { until } from './until.ts'
import type { HostName, Wire } from './wire.ts'

/** tshark judges every checksum; what it leaves out by default is the very thing in question. */
const CHECK_ALL = [
  ...['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]),
  ...['-o', 'sctp.checksum:CRC 32c'],
]

let captures = 0

/** A running capture into a file. */
export class WireCapture {
  readonly file: string
  readonly #tcpdump: ChildProcess

  private constructor(tcpdump: ChildProcess, file: string) {
    this.#tcpdump = tcpdump
    this.file = file
  }

  /** Captures frames that arrive at `interfaceName` and, on eth0, those that leave; resolves once it runs. */
  static async start(
    wire: Wire,
    host: HostName,
    interfaceName: 'eth0' | 'vx0',
    filter = '',
  ): Promise<WireCapture> {
    const file = join(wire.folder, `${++captures}-${host}-${interfaceName}.pcap`)
    chmodSync(wire.folder, 0o777) // tcpdump gives up root before it writes
    const direction = interfaceName === 'vx0' ? ['-Q', 'in'] : []
    const options = ['-i', interfaceName, '-w', file, '-s', '0', '-B', '32768', ...direction]
    const tcpdump = wire.start(host, 'tcpdump', '-n', '-U', '--immediate-mode', ...options, filter)
    await sayingItListens(tcpdump)
    return new WireCapture(tcpdump, file)
  }

  /** The frames so far. */
  frames(): Uint8Array[] {
    return readPcapFile(this.file)
  }

  /** Resolves with all frames when there are at least `count`. */
  async atLeast(count: number): Promise<Uint8Array[]> {
    let frames: Uint8Array[] = []
    return until(
      () => `${count} frames in ${this.file}, ${frames.length} seen`,
      () => {
        frames = this.frames()
        return frames.length >= count && frames
      },
    )
  }

  /** Ends the capture; resolves with all frames. */
  async stop(): Promise<Uint8Array[]> {
    const exited = once(this.#tcpdump, 'exit')
    this.#tcpdump.kill('SIGINT')
    await exited
    return this.frames()
  }

  /** One row per frame that `displayFilter` selects: the values of `fields`, as tshark prints them. */
  async tshark(displayFilter: string, ...fields: readonly string[]): Promise<string[][]> {
    const columns = fields.flatMap((field) => ['-e', field])
    const { stdout } = await promisify(execFile)(
      'tshark',
      ['-r', this.file, ...CHECK_ALL, '-Y', displayFilter, '-T', 'fields', ...columns],
      { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
    )
    const lines = stdout.split('\n').filter((line) => line !== '')
    return lines.map((line) => line.split('\t'))
  }
}

async function sayingItListens(tcpdump: ChildProcess): Promise<void> {
  let said = ''
  tcpdump.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await until(
    () => `tcpdump listens; it said: ${said}`,
    () => said.includes('listening on'),
  )
}
