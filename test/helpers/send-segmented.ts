/**
 * Sends UDP datagrams as QUIC does, many by one call (UDP_SEGMENT, udp(7)). Arguments: address, port,
 * bytes of a datagram, how many. Each begins with its number, in two bytes.
 */
import { koffi } from '../../sidecar/engine/ffi.ts'
import * as native from '../../sidecar/engine/ring/native.ts'
import { ipSocketAddress } from '../../sidecar/engine/ring/socket-address.ts'
import { concat, number } from './frames.ts'

const UDP_SEGMENT = [17, 103] as const
const SOCK_DGRAM = 2

const [address = '', port = '', size = '', count = ''] = process.argv.slice(2)
const family = address.includes(':') ? 6 : 4
const socket = native.socket(family === 4 ? 2 : 10, SOCK_DGRAM, 0)
const remote = ipSocketAddress(family, address, Number(port))
const datagrams = Array.from({ length: Number(count) }, (_, index) =>
  concat(number(index, 2), new Uint8Array(Number(size) - 2).fill(index)),
)
const bytes = concat(...datagrams)
const send = koffi.load(null).func('int64_t send(int, const void *, size_t, int)')
const failed =
  native.connect(socket, remote, remote.length) !== 0 ||
  !native.setIntOption(socket, UDP_SEGMENT, Number(size)) ||
  (send(socket, bytes, bytes.length, 0) as number) !== bytes.length
if (failed) throw new Error(`cannot send: ${native.errnoName(native.lastErrno())}`)
