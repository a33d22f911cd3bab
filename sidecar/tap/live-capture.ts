/**
 * Frames of an interface as a pcap file on standard output, by libpcap alone: frames never enter
 * JavaScript, and a reader that is slow holds up one thread, while the kernel's buffer takes what it can
 * and counts the rest.
 */
import type { KoffiFunc, LibraryHandle } from 'koffi'
import { AppError } from '../../lib/errors.ts'
import { compileFilters } from '../engine/libpcap.ts'
import { openLibpcap } from '../engine/libpcap-library.ts'
import { INSTRUCTION_BYTES } from '../engine/ring/instructions.ts'
import { addressOf } from '../engine/ring/native.ts'

/** What tcpdump takes of a frame: more than any that Linux builds, but for BIG TCP. */
const SNAPSHOT_BYTES = 262144

/** What the kernel holds while nobody reads. */
const BUFFER_BYTES = 4 * 1024 * 1024

/** How long a block of the kernel's buffer that is not full waits for more frames, in milliseconds. */
const WAIT_MS = 100

const NANOSECONDS = 1
const ERROR_BYTES = 256
/** struct bpf_program: number of instructions, padding, pointer to them. */
const PROGRAM_BYTES = 16
/** struct pcap_stat: received, dropped, dropped by the interface; 4 bytes each. */
const STATISTICS_BYTES = 12
/** PCAP_ERROR_BREAK (pcap/pcap.h). */
const BROKEN_OFF = -2

type Pointer = unknown
type Call = KoffiFunc<(...args: unknown[]) => unknown>

/** An open capture that writes to standard output. */
export interface LiveCapture {
  /**
   * Writes the frames that have come, waiting for the first, at most `most` of them (0: all); returns
   * how many, or undefined when it was interrupted.
   * @throws AppError ERR_CAPTURE when the interface fails.
   */
  next(most: number): Promise<number | undefined>
  /** Ends the wait of next(), now or when it is called. */
  interrupt(): void
  /** Frames that the kernel had no room for. */
  drops(): number
}

/**
 * Opens `interfaceName` with `filters`, all of which a frame must pass and which must compile, and writes
 * the head of the file.
 * @throws AppError ERR_INTERFACE or ERR_CAPTURE with libpcap's reason, ERR_NATIVE_LIBRARY.
 */
export async function openLiveCapture(
  interfaceName: string,
  filters: readonly string[],
): Promise<LiveCapture> {
  const instructions = await compileFilters(filters, SNAPSHOT_BYTES)
  const library = await openLibpcap()
  const handle = activate(library, interfaceName)
  setFilter(library, handle, instructions)
  const toStandardOutput = '-'
  const file = call(library, 'void *pcap_dump_open(void *handle, const char *name)')(
    handle,
    toStandardOutput,
  )
  if (file === null) throw failure(library, handle, 'writing the file')
  const flush = asynchronous(call(library, 'int pcap_dump_flush(void *file)'))
  await flush(file)
  return capturing(library, { handle, file, flush })
}

/** What next() works with. */
interface Parts {
  readonly handle: Pointer
  readonly file: Pointer
  readonly flush: (file: Pointer) => Promise<number>
}

function capturing(library: LibraryHandle, { handle, file, flush }: Parts): LiveCapture {
  const dispatch = asynchronous(
    call(library, 'int pcap_dispatch(void *handle, int most, void *callback, void *user)'),
  )
  const breakLoop = call(library, 'void pcap_breakloop(void *handle)')
  const readStatistics = call(library, 'int pcap_stats(void *handle, void *statistics)')
  const writeFrame: Pointer = library.symbol('pcap_dump')
  return {
    next: async (most) => {
      const frames = await dispatch(handle, most === 0 ? -1 : most, writeFrame, file)
      if (frames === BROKEN_OFF) return undefined
      if (frames < 0) throw failure(library, handle, 'reading frames')
      if (frames > 0) await flush(file)
      return frames
    },
    interrupt: () => {
      breakLoop(handle)
    },
    drops: () => {
      const statistics = new DataView(new ArrayBuffer(STATISTICS_BYTES))
      readStatistics(handle, new Uint8Array(statistics.buffer))
      return statistics.getUint32(4, true)
    },
  }
}

function activate(library: LibraryHandle, interfaceName: string): Pointer {
  const create = call(library, 'void *pcap_create(const char *source, void *error)')
  const handle = create(interfaceName, new Uint8Array(ERROR_BYTES))
  const settings = {
    pcap_set_snaplen: SNAPSHOT_BYTES,
    pcap_set_buffer_size: BUFFER_BYTES,
    pcap_set_timeout: WAIT_MS,
    pcap_set_tstamp_precision: NANOSECONDS,
  }
  for (const [name, value] of Object.entries(settings)) {
    call(library, `int ${name}(void *handle, int value)`)(handle, value)
  }
  const status = call(library, 'int pcap_activate(void *handle)')(handle) as number
  if (status < 0) throw failure(library, handle, `interface ${interfaceName}`, status)
  return handle
}

/** libpcap makes a copy of the program. */
function setFilter(library: LibraryHandle, handle: Pointer, instructions: Uint8Array): void {
  const program = new Uint8Array(PROGRAM_BYTES)
  const view = new DataView(program.buffer)
  view.setUint32(0, instructions.length / INSTRUCTION_BYTES, true)
  view.setBigUint64(8, addressOf(instructions), true)
  const set = call(library, 'int pcap_setfilter(void *handle, void *program)')
  if (set(handle, program) !== 0) throw failure(library, handle, 'the filter')
}

function failure(library: LibraryHandle, handle: Pointer, what: string, status = -1): AppError {
  const reason = call(library, 'const char *pcap_geterr(void *handle)')(handle) as string
  const general = call(library, 'const char *pcap_statustostr(int status)')(status) as string
  return new AppError('ERR_CAPTURE', `cannot capture: ${what}: ${reason || general}`)
}

function call(library: LibraryHandle, prototype: string): Call {
  return library.func(prototype)
}

/** The same call in a thread. */
function asynchronous(func: Call): (...args: readonly unknown[]) => Promise<number> {
  return (...args) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    func.async(...args, (error: unknown, result: unknown) => {
      if (error instanceof Error) reject(error)
      else resolve(result as number)
    })
    return promise
  }
}
