/** Socket options that Node.js does not offer, set on the descriptors of its own sockets. */
import { readdirSync } from 'node:fs'
import { AppError } from '../../lib/errors.ts'
import { koffi } from './ffi.ts'

/** An option of setsockopt(2): its level and name, from Linux' asm-generic/socket.h and in.h. */
export interface SocketOption {
  readonly level: number
  readonly name: number
}

const SOL_SOCKET = 1
const SOL_PACKET = 263
const SO_ATTACH_FILTER = 26
const IPPROTO_IP = 0
const IPPROTO_IPV6 = 41

/** Lets a second socket have the same port, if both have it (socket(7)). */
export const REUSE_ADDRESS: SocketOption = { level: SOL_SOCKET, name: 2 }
/** Leaves the UDP checksum zero on IPv4, as RFC 7348 §5 says. */
export const NO_UDP_CHECKSUM: SocketOption = { level: SOL_SOCKET, name: 11 }
/** How IPv4 finds the path MTU (ip(7), IP_MTU_DISCOVER). */
export const IPV4_MTU_DISCOVERY: SocketOption = { level: IPPROTO_IP, name: 10 }
/** How IPv6 finds the path MTU (ipv6(7), IPV6_MTU_DISCOVER). */
export const IPV6_MTU_DISCOVERY: SocketOption = { level: IPPROTO_IPV6, name: 23 }
/** IP_PMTUDISC_DONT: no DF bit; the kernel and routers cut datagrams that are too long. */
export const MTU_DISCOVERY_OFF = 0

const SOCKET_DOMAIN: SocketOption = { level: SOL_SOCKET, name: 39 }
const PACKET_STATISTICS: SocketOption = { level: SOL_PACKET, name: 6 }

/** Address families as SO_DOMAIN gives them. */
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_PACKET = 17

type OptionCall<Size> = (
  ...call: [fd: number, level: number, name: number, value: Uint8Array, size: Size]
) => number

// The program itself is asked for the functions, so that it works with any C library.
const libc = koffi.load(null)
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t size)',
) as OptionCall<number>
const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, void *value, void *size)',
) as OptionCall<Uint32Array>

/**
 * Sets an integer option.
 * @throws AppError ERR_CAPTURE with the system's error number.
 */
export function setSocketOption(fd: number, option: SocketOption, value: number): void {
  const bytes = new Uint8Array(Int32Array.of(value).buffer)
  if (setsockopt(fd, option.level, option.name, bytes, bytes.length) === 0) return
  throw new AppError(
    'ERR_CAPTURE',
    `socket option ${option.name} of level ${option.level}: expected ${value} to be accepted, received errno ${koffi.errno()}`,
  )
}

/**
 * Filters what socket `fd` receives by `instructions`, 8 bytes each (struct sock_filter), from the next
 * packet on: the kernel replaces one filter by another in one step.
 * @throws AppError ERR_CAPTURE with the system's error number.
 */
export function attachFilter(fd: number, instructions: Uint8Array): void {
  // struct sock_fprog: number of instructions(2) pad(6) pointer(8)
  const request = new Uint8Array(16)
  new DataView(request.buffer).setUint16(0, instructions.length / 8, true)
  new DataView(request.buffer).setBigUint64(8, koffi.address(instructions), true)
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, request, request.length) === 0) return
  throw new AppError('ERR_CAPTURE', `cannot capture: attaching the filter: errno ${koffi.errno()}`)
}

/** The descriptors of this process' sockets of one family (AF_INET, AF_INET6, AF_PACKET). */
export function findSockets(family: number): number[] {
  const descriptors = readdirSync('/proc/self/fd').map(Number)
  return descriptors.filter((fd) => readOption(fd, SOCKET_DOMAIN)[0] === family)
}

/**
 * How many packets the filter accepted and the buffer of packet socket `fd` had no room for, since
 * the last call: the kernel clears the number when it is read (packet(7), PACKET_STATISTICS).
 */
export function takePacketDrops(fd: number): number {
  return readOption(fd, PACKET_STATISTICS)[1] ?? 0
}

/** The 32-bit words of an option; none when `fd` has no such option or is no socket. */
function readOption(fd: number, { level, name }: SocketOption): Uint32Array {
  const words = new Uint32Array(4)
  const size = Uint32Array.of(words.byteLength)
  const failed = getsockopt(fd, level, name, new Uint8Array(words.buffer), size) !== 0
  return failed ? words.subarray(0, 0) : words.subarray(0, (size[0] ?? 0) / 4)
}
