/** libpcap, called through koffi. */
import { promisify } from 'node:util'
import type { LibraryHandle } from 'koffi'
import { AppError, messageOf } from '../../lib/errors.ts'
import { INSTRUCTION_BYTES } from './ring/instructions.ts'

/** Debian's name of libpcap, and that of other distributions. */
const LIBRARY_NAMES = ['libpcap.so.0.8', 'libpcap.so.1']

const DLT_EN10MB = 1
const SNAPSHOT_BYTES = 65535
const NETMASK_UNKNOWN = 0xffffffff

/** `struct bpf_program`: number of instructions (u32), padding, pointer to them. */
const BPF_PROGRAM_BYTES = 16

/** The smallest buffer that libpcap takes: nothing is read from it. */
const BUFFER_BYTES = 4096

/** PCAP_ERRBUF_SIZE. */
const ERROR_BYTES = 256

/** What C points to. */
export type Pointer = unknown

/** The calls of libpcap that compile. A handle from either open… is closed by close(). */
export interface Libpcap {
  /** For Ethernet, without a capture. */
  openDead(): Pointer
  /** A capture on an interface with Ethernet frames, or why there is none. */
  openLive(interfaceName: string): { readonly handle: Pointer } | { readonly problem: string }
  /** The instructions of `expression`, 8 bytes each; the event loop goes on meanwhile. */
  compile(
    handle: Pointer,
    expression: string,
  ): Promise<{ readonly instructions: Uint8Array } | { readonly problem: string }>
  close(handle: Pointer): void
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

/**
 * libpcap's compiler.
 * @throws AppError ERR_NATIVE_LIBRARY where libpcap is missing.
 */
export async function loadLibpcap(): Promise<Libpcap> {
  const { koffi } = await import('./ffi.ts')
  const library = await openLibpcap()
  const openDead = library.func('void *pcap_open_dead(int link_type, int snapshot_bytes)')
  const compile = library.func(
    'int pcap_compile(void *handle, void *program, const char *expression, int optimize, uint32_t netmask)',
  )
  const compileAsync = promisify<Pointer, Uint8Array, string, number, number, number>(compile.async)
  const freeCode = library.func('void pcap_freecode(void *program)')
  const errorOf = library.func('const char *pcap_geterr(void *handle)')
  return {
    openDead: () => openDead(DLT_EN10MB, SNAPSHOT_BYTES) as Pointer,
    openLive: liveOpener(library),
    compile: async (handle, expression) => {
      const program = new Uint8Array(BPF_PROGRAM_BYTES)
      const failed = await compileAsync(handle, program, expression, 1, NETMASK_UNKNOWN)
      if (failed !== 0) return { problem: errorOf(handle) as string }
      const view = new DataView(program.buffer)
      const length = view.getUint32(0, true) * INSTRUCTION_BYTES
      const instructions = new Uint8Array(koffi.view(view.getBigUint64(8, true), length)).slice()
      freeCode(program)
      return { instructions }
    },
    close: library.func('void pcap_close(void *handle)'),
  }
}

function liveOpener(library: LibraryHandle): Libpcap['openLive'] {
  const create = library.func('void *pcap_create(const char *interface_name, _Out_ char *problem)')
  const setBuffer = library.func('int pcap_set_buffer_size(void *handle, int bytes)')
  const activate = library.func('int pcap_activate(void *handle)')
  const linkType = library.func('int pcap_datalink(void *handle)')
  const errorOf = library.func('const char *pcap_geterr(void *handle)')
  const close = library.func('void pcap_close(void *handle)')
  return (interfaceName) => {
    const handle = create(interfaceName, new Uint8Array(ERROR_BYTES)) as Pointer
    if (handle === null) return { problem: 'libpcap has no memory' }
    setBuffer(handle, BUFFER_BYTES)
    const isActive = (activate(handle) as number) >= 0
    if (isActive && linkType(handle) === DLT_EN10MB) return { handle }
    const problem = isActive ? 'its frames are not Ethernet' : (errorOf(handle) as string)
    close(handle)
    return { problem }
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
