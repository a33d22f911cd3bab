import { AppError } from '../../../lib/errors.ts'
import { linksRequest, readLinkMessages, type Link, type LinkMessage } from './link-messages.ts'
import * as native from './native.ts'

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000
const NETLINK_ROUTE = 0
const RTMGRP_LINK = 1
const SO_RCVBUF = [1, 8] as const

/** Room for the events of a burst; granted up to net.core.rmem_max. */
const RECEIVE_BYTES = 1024 * 1024

/** The kernel fills at most 32 KiB at once (NLMSG_GOODSIZE, netlink_recvmsg()). */
const DATAGRAM_BYTES = 64 * 1024

/**
 * The network interfaces of this network namespace, kept up to date by the kernel's own events
 * (rtnetlink(7)): nothing is polled. Events that the socket had no room for are made up for by a list.
 */
export class LinkWatch {
  readonly fd: number
  /** All there are, by index. */
  readonly links = new Map<number, Link>()
  readonly #datagram = new Uint8Array(DATAGRAM_BYTES)
  /** While a list comes in: those that it has named; what it does not name is gone. */
  #listed: Set<number> | undefined

  /** @throws AppError ERR_CAPTURE. */
  constructor() {
    this.fd = native.socket(AF_NETLINK, SOCK_RAW_CLOEXEC_NONBLOCK, NETLINK_ROUTE)
    if (this.fd === -1) throw failure('a netlink socket')
    native.setIntOption(this.fd, SO_RCVBUF, RECEIVE_BYTES)
    // struct sockaddr_nl: family(2) pad(2) port(4), which the kernel chooses, groups(4)
    const address = new Uint8Array(12)
    new DataView(address.buffer).setUint16(0, AF_NETLINK, true)
    new DataView(address.buffer).setUint32(8, RTMGRP_LINK, true)
    if (native.bind(this.fd, address, address.length) !== 0) throw failure('netlink events')
    this.#list()
  }

  /** Reads what the kernel has said since; never waits. */
  read(): void {
    for (;;) {
      const length = native.receive(this.fd, this.#datagram, this.#datagram.length, 0)
      if (length > 0) this.#applyAll(readLinkMessages(this.#datagram.subarray(0, length)))
      else if (length === 0 || native.lastErrno() === native.ERRNO.EAGAIN) return
      else if (native.lastErrno() === native.ERRNO.ENOBUFS) this.#list()
    }
  }

  #list(): void {
    const request = linksRequest()
    this.#listed = new Set()
    // EBUSY: an earlier list is still coming in, and names what is there just as well.
    native.send(this.fd, request, request.length, 0)
  }

  #applyAll(messages: readonly LinkMessage[]): void {
    for (const message of messages) this.#apply(message)
  }

  #apply(message: LinkMessage): void {
    if (message.kind === 'link') {
      this.links.set(message.link.index, message.link)
      this.#listed?.add(message.link.index)
    } else if (message.kind === 'gone') {
      this.links.delete(message.index)
      this.#listed?.delete(message.index)
    } else if (message.kind === 'done') this.#endList()
    else this.#list()
  }

  #endList(): void {
    for (const index of this.links.keys()) {
      if (this.#listed?.has(index) === false) this.links.delete(index)
    }
    this.#listed = undefined
  }
}

function failure(what: string): AppError {
  const errno = native.errnoName(native.lastErrno())
  return new AppError('ERR_CAPTURE', `cannot watch network interfaces: ${what}: ${errno}`)
}
