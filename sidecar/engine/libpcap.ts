/** libpcap's compiler of pcap-filter expressions, called without capturing anything. */
import { promisify } from 'node:util'
import type { LibraryHandle } from 'koffi'
import { AppError, messageOf } from '../../lib/errors.ts'

/** Longest filter of a user, in characters: far beyond any filter that a person writes. */
export const MAX_FILTER_LENGTH = 2048

/**
 * Most instructions that Linux takes for one filter (BPF_MAXINSNS). libpcap would silently filter a
 * longer one in the process, where `outbound`, and so podtap's own packets, cannot be recognised.
 */
const MAX_INSTRUCTIONS = 4096

/** Left free for the instructions that exclude podtap's own packets (about 100). */
const OWN_INSTRUCTIONS = 128

/** Debian's name of libpcap, and that of other distributions. */
const LIBRARY_NAMES = ['libpcap.so.0.8', 'libpcap.so.1']

const DLT_EN10MB = 1
const SNAPSHOT_BYTES = 65535
const NETMASK_UNKNOWN = 0xffffffff

/** `struct bpf_program`: number of instructions (u32), padding, pointer to them. */
const BPF_PROGRAM_BYTES = 16

/** `struct bpf_insn`. */
const INSTRUCTION_BYTES = 8

type Pointer = unknown

interface Libpcap {
  openDead(linkType: number, snapshotBytes: number): Pointer
  compile(handle: Pointer, program: Uint8Array, expression: string): Promise<number>
  errorOf(handle: Pointer): string
  /** A copy of what `program` points to. */
  instructionsOf(program: Uint8Array): Uint8Array
  freeCode(program: Uint8Array): void
  close(handle: Pointer): void
}

let loading: Promise<Libpcap> | undefined

/**
 * Resolves if `expression` is a filter that captures can use; an empty one is. Safe with any input,
 * and the event loop goes on meanwhile. Host names with a dot are refused: looking one up would wait
 * for a name server of the author's choice, and the address would be fixed for the pod's life anyway.
 * @throws AppError ERR_FILTER with libpcap's reason, or ERR_NATIVE_LIBRARY.
 */
export async function checkFilter(expression: string): Promise<void> {
  if (expression.trim() === '') return
  const problem = findTextProblem(expression)
  if (problem !== undefined) throw filterError(expression, problem)
  loading ??= loadLibpcap()
  const instructions = await compileOnce(await loading, expression, SNAPSHOT_BYTES)
  const most = MAX_INSTRUCTIONS - OWN_INSTRUCTIONS
  if (instructions.length <= most * INSTRUCTION_BYTES) return
  throw filterError(expression, `more than ${most} instructions`)
}

/**
 * What is wrong with a pcap-filter expression, or undefined.
 * @throws AppError ERR_NATIVE_LIBRARY where libpcap is missing.
 */
export async function filterProblemOf(expression: string): Promise<string | undefined> {
  try {
    await checkFilter(expression)
    return undefined
  } catch (error) {
    if (error instanceof AppError && error.code === 'ERR_FILTER') return error.message
    throw error
  }
}

/** What is wrong with the text itself, before any compiler sees it. */
function findTextProblem(expression: string): string | undefined {
  if (expression.length > MAX_FILTER_LENGTH) {
    return `expected at most ${MAX_FILTER_LENGTH} characters, received ${expression.length}`
  }
  if (!/^[\t\n\r\x20-\x7e]*$/.test(expression)) return 'expected printable ASCII characters only'
  const name = expression.match(/[\w.-]+/g)?.find(isHostName)
  return name === undefined ? undefined : `expected an address instead of the host name ${name}`
}

/** Of the words with a dot only IPv4 addresses, networks and MAC addresses are no host names. */
function isHostName(word: string): boolean {
  if (!word.includes('.') || /^\d+(\.\d+){1,3}$/.test(word)) return false
  return !/^([\da-f]{1,2}(\.[\da-f]{1,2}){5}|[\da-f]{4}(\.[\da-f]{4}){2})$/i.test(word)
}

/**
 * The instructions of `expression`, 8 bytes each (`struct sock_filter`), for a capture on this host;
 * they let `snapshotBytes` of a frame through. It must have passed checkFilter(), or be our own.
 * @throws AppError ERR_FILTER with libpcap's reason, or ERR_NATIVE_LIBRARY.
 */
export async function compileFilter(
  expression: string,
  snapshotBytes: number,
): Promise<Uint8Array> {
  loading ??= loadLibpcap()
  return compileOnce(await loading, expression, snapshotBytes)
}

async function compileOnce(
  libpcap: Libpcap,
  expression: string,
  snapshotBytes: number,
): Promise<Uint8Array> {
  const handle = libpcap.openDead(DLT_EN10MB, snapshotBytes)
  const program = new Uint8Array(BPF_PROGRAM_BYTES)
  try {
    const failed = await libpcap.compile(handle, program, expression)
    if (failed !== 0) throw filterError(expression, libpcap.errorOf(handle))
    const instructions = libpcap.instructionsOf(program)
    libpcap.freeCode(program)
    return instructions
  } finally {
    libpcap.close(handle)
  }
}

function filterError(expression: string, reason: string): AppError {
  const shown = expression.length > 100 ? `${expression.slice(0, 100)}…` : expression
  return new AppError(
    'ERR_FILTER',
    `filter ${JSON.stringify(shown)}: expected a pcap-filter expression: ${reason} (see pcap-filter(7))`,
  )
}

/**
 * libpcap as koffi has it. koffi, too, is loaded at first use: who never checks a filter pays neither
 * time nor memory.
 * @throws AppError ERR_NATIVE_LIBRARY where libpcap is missing.
 */
export async function openLibpcap(): Promise<LibraryHandle> {
  const { koffi } = await import('./ffi.ts')
  return openFirst(koffi.load, LIBRARY_NAMES)
}

async function loadLibpcap(): Promise<Libpcap> {
  const { koffi } = await import('./ffi.ts')
  const library = await openLibpcap()
  const compile = library.func(
    'int pcap_compile(void *handle, void *program, const char *expression, int optimize, uint32_t netmask)',
  )
  const compileAsync = promisify<Pointer, Uint8Array, string, number, number, number>(compile.async)
  return {
    openDead: library.func('void *pcap_open_dead(int link_type, int snapshot_bytes)'),
    compile: (handle, program, expression) =>
      compileAsync(handle, program, expression, 1, NETMASK_UNKNOWN),
    errorOf: library.func('const char *pcap_geterr(void *handle)'),
    instructionsOf: (program) => {
      const view = new DataView(program.buffer)
      const length = view.getUint32(0, true) * INSTRUCTION_BYTES
      return new Uint8Array(koffi.view(view.getBigUint64(8, true), length)).slice()
    },
    freeCode: library.func('void pcap_freecode(void *program)'),
    close: library.func('void pcap_close(void *handle)'),
  }
}

function openFirst(load: (name: string) => LibraryHandle, names: readonly string[]): LibraryHandle {
  const failures: unknown[] = []
  for (const name of names) {
    try {
      return load(name)
    } catch (error) {
      failures.push(error)
    }
  }
  throw new AppError(
    'ERR_NATIVE_LIBRARY',
    `libpcap: expected one of ${names.join(', ')}, received: ${failures.map(messageOf).join('; ')}; ` +
      'install it with: apt-get install -y libpcap0.8',
    { cause: failures[0] },
  )
}
