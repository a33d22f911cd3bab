/**
 * The system calls of the engine, called through koffi. Addresses are plain numbers (see memory.ts):
 * whoever calls checks that a range lies inside its memory, because nothing here can.
 */
import { constants } from 'node:os'
import { koffi } from '../ffi.ts'

const libc = koffi.load(null)

/** socket(2), returning -1 on failure. */
export const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number

/** bind(2). */
export const bind = libc.func(
  'int bind(int fd, const void *address, uint32_t length)',
) as AddressCall

/** connect(2). */
export const connect = libc.func(
  'int connect(int fd, const void *address, uint32_t length)',
) as AddressCall

/** close(2). */
export const close = libc.func('int close(int fd)') as (fd: number) => number

/** eventfd(2). */
export const eventfd = libc.func('int eventfd(uint32_t initial, int flags)') as (
  initial: number,
  flags: number,
) => number

/** read(2) into `address`. */
export const read = libc.func('int64_t read(int fd, uintptr_t address, size_t length)') as (
  fd: number,
  address: number,
  length: number,
) => number

/** recv(2) into `buffer`; -1 on failure, EAGAIN where a non-blocking socket has nothing. */
export const receive = libc.func(
  'int64_t recv(int fd, _Out_ void *buffer, size_t length, int flags)',
) as (fd: number, buffer: Uint8Array, length: number, flags: number) => number

/** send(2) on a connected socket, or to the kernel on a netlink socket. */
export const send = libc.func(
  'int64_t send(int fd, const void *bytes, size_t length, int flags)',
) as (fd: number, bytes: Uint8Array, length: number, flags: number) => number

/** poll(2) over `count` structs pollfd at `address`; `timeout` in milliseconds, -1 for ever. */
export const poll = libc.func('int poll(uintptr_t address, size_t count, int timeout)') as (
  address: number,
  count: number,
  timeout: number,
) => number

/** sendmmsg(2) of `count` structs mmsghdr at `address`: how many were sent, or -1 when the first failed. */
export const sendmmsg = libc.func(
  'int sendmmsg(int fd, uintptr_t address, uint32_t count, int flags)',
) as (fd: number, address: number, count: number, flags: number) => number

/** send(2) of nothing: ends what MSG_MORE began. */
export const sendNothing = libc.func(
  'int64_t send(int fd, uintptr_t bytes, size_t length, int flags)',
) as (fd: number, zero: 0, length: 0, flags: number) => number

/** recvmsg(2) with the struct msghdr at `address`. */
export const recvmsg = libc.func('int64_t recvmsg(int fd, uintptr_t address, int flags)') as (
  fd: number,
  address: number,
  flags: number,
) => number

/** if_nametoindex(3): 0 when there is no such interface. */
export const interfaceIndex = libc.func('uint32_t if_nametoindex(const char *name)') as (
  name: string,
) => number

/** munmap(2). */
export const unmap = libc.func('int munmap(uintptr_t address, size_t length)') as (
  address: number,
  length: number,
) => number

const setOption = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
) as OptionCall<number>

const getOption = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ void *length)',
) as OptionCall<Uint8Array>

const mmap = libc.func(
  'uintptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)',
) as (...values: number[]) => number

const ioctl = libc.func('int ioctl(int fd, uint64_t request, _Inout_ void *value)') as (
  fd: number,
  request: number,
  value: Uint8Array,
) => number

type OptionCall<Length> = (
  ...call: [fd: number, level: number, name: number, value: Uint8Array, length: Length]
) => number
type AddressCall = (fd: number, address: Uint8Array, length: number) => number

const SO_ATTACH_FILTER = [1, 26] as const
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_FIXED = 0x10
const MAP_PRIVATE_ANONYMOUS = 0x22
const SIOCGIFFLAGS = 0x8913
const SIOCGIFHWADDR = 0x8927
const SIOCOUTQ = 0x5411
const IFREQ_BYTES = 40
const IFF_UP = 1
const IFF_LOOPBACK = 8

/** The numbers of errno, by name; they differ between architectures. */
export const ERRNO = constants.errno

/** The errno of the last call that failed, in this thread. */
export function lastErrno(): number {
  return koffi.errno()
}

/** Makes lastErrno() return `errno`, after calls that are of no account. */
export function setErrno(errno: number): void {
  koffi.errno(errno)
}

/** The name of an errno (`EPERM`), for messages. */
export function errnoName(errno: number): string {
  const found = Object.entries(constants.errno).find(([, value]) => value === errno)
  return found?.[0] ?? `errno ${errno}`
}

/** setsockopt(2) with an int; returns whether it was accepted. */
export function setIntOption(
  fd: number,
  option: readonly [number, number],
  value: number,
): boolean {
  return setBytesOption(fd, option, new Uint8Array(Int32Array.of(value).buffer))
}

/** setsockopt(2) with a struct; returns whether it was accepted. */
export function setBytesOption(
  fd: number,
  option: readonly [number, number],
  value: Uint8Array,
): boolean {
  return setOption(fd, option[0], option[1], value, value.length) === 0
}

/**
 * Filters what the socket receives by `program`, 8 bytes per instruction (struct sock_filter), from the
 * next packet on; returns whether it was accepted. The argument is struct sock_fprog: number of
 * instructions(2) pad(6) pointer(8).
 */
export function attachFilter(fd: number, program: Uint8Array): boolean {
  const request = new Uint8Array(16)
  const view = new DataView(request.buffer)
  view.setUint16(0, program.length / 8, true)
  view.setBigUint64(8, addressOf(program), true)
  return setBytesOption(fd, SO_ATTACH_FILTER, request)
}

/** getsockopt(2) of a struct of `length` bytes; undefined on failure. */
export function getBytesOption(
  fd: number,
  option: readonly [number, number],
  length: number,
): DataView | undefined {
  const value = new Uint8Array(length)
  const size = new Uint8Array(Int32Array.of(length).buffer)
  if (getOption(fd, option[0], option[1], value, size) !== 0) return undefined
  return new DataView(value.buffer)
}

/** Private, zeroed memory: its address, or -1. */
export function mapAnonymous(length: number): number {
  return mmap(0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
}

/** Lays the ring of a packet socket over memory that mapAnonymous() gave; returns whether it worked. */
export function mapSocketAt(address: number, length: number, fd: number): boolean {
  return mmap(address, length, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) === address
}

/** Bytes of memory that datagrams of this socket take which have not left yet (SIOCOUTQ, udp(7)); 0 on failure. */
export function unsentBytes(fd: number): number {
  const answer = new Uint8Array(4)
  if (ioctl(fd, SIOCOUTQ, answer) !== 0) return 0
  return new DataView(answer.buffer).getInt32(0, true)
}

/** Where `bytes` lie. They stay there as long as they are referenced. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes)
}

/** The memory at `address` as an ArrayBuffer, without a copy. It must stay mapped as long as it is used. */
export function viewMemory(address: number, length: number): ArrayBuffer {
  return koffi.view(address, length)
}

/**
 * Whether the interface is up. `struct ifreq` is the name in 16 bytes, then a union that begins with
 * the flags (netdevice(7)); `fd` is any socket.
 */
export function isInterfaceUp(fd: number, name: string): boolean {
  return (interfaceFlags(fd, name) & IFF_UP) !== 0
}

/** The type of its frames (ARPHRD_… in linux/if_arp.h): the family of its hardware address; -1 when it is gone. */
export function hardwareType(fd: number, name: string): number {
  const request = interfaceRequest(name)
  if (ioctl(fd, SIOCGIFHWADDR, request) !== 0) return -1
  return (request[16] ?? 0) | ((request[17] ?? 0) << 8)
}

/** Whether it is a loopback interface. */
export function isLoopback(fd: number, name: string): boolean {
  return (interfaceFlags(fd, name) & IFF_LOOPBACK) !== 0
}

function interfaceFlags(fd: number, name: string): number {
  const request = interfaceRequest(name)
  return ioctl(fd, SIOCGIFFLAGS, request) === 0 ? (request[16] ?? 0) : 0
}

function interfaceRequest(name: string): Uint8Array {
  const request = new Uint8Array(IFREQ_BYTES)
  new TextEncoder().encodeInto(name, request.subarray(0, 15))
  return request
}
