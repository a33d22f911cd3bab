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

/** What a capture takes. */
export interface CaptureOptions {
  readonly filter: string
  /**
   * Bytes of a frame; unless said otherwise all of any but BIG TCP. tcpdump keeps room for so many in each
   * slot of its buffer, which makes 500 of them: a burst of small frames needs more.
   */
  readonly snapBytes?: number
}

/** More than an IP packet of 65,535 bytes takes, wrapped or tagged. */
const LONGEST_FRAME = 66_000

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
    interfaceName: 'eth0' | 'eth1' | 'vx0',
    options: string | CaptureOptions = '',
  ): Promise<WireCapture> {
    const { filter, snapBytes = LONGEST_FRAME } =
      typeof options === 'string' ? { filter: options } : options
    const file = join(wire.folder, `${++captures}-${host}-${interfaceName}.pcap`)
    chmodSync(wire.folder, 0o777) // tcpdump gives up root before it writes
    const direction = interfaceName === 'vx0' ? ['-Q', 'in'] : []
    const settings = ['-i', interfaceName, '-w', file, '-s', `${snapBytes}`, '-B', '32768']
    const how = ['-n', '-U', '--immediate-mode', ...settings, ...direction]
    const tcpdump = wire.start(host, 'tcpdump', ...how, filter)
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
