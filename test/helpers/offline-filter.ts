/** libpcap as the judge of filters: which frames an expression accepts, decided without a kernel. */
import { koffi } from '../../sidecar/engine/ffi.ts'

/** `struct pcap_pkthdr`: seconds and microseconds (8 bytes each), then captured and real length. */
const PACKET_HEADER_BYTES = 24

/** Compiles `expression` for Ethernet; the result says whether it accepts a frame. */
export function compileFilter(expression: string): (frame: Uint8Array) => boolean {
  const library = koffi.load('libpcap.so.0.8')
  const openDead = library.func('void *pcap_open_dead(int, int)')
  const compile = library.func('int pcap_compile(void *, void *, const char *, int, uint32_t)')
  const run = library.func('int pcap_offline_filter(void *, void *, void *)')
  const handle = openDead(1, 65535) as unknown
  const program = new Uint8Array(16)
  if (compile(handle, program, expression, 1, 0xffffffff) !== 0) {
    throw new Error(`does not compile: ${expression}`)
  }
  return (frame) => {
    const header = new Uint8Array(PACKET_HEADER_BYTES)
    new DataView(header.buffer).setUint32(16, frame.length, true)
    new DataView(header.buffer).setUint32(20, frame.length, true)
    return run(program, header, frame) !== 0
  }
}
