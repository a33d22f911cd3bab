/**
 * What became of datagrams after they were sent, as far as anybody said so: ICMP errors, which the
 * kernel queues at the socket that sent what they quote (IP_RECVERR, ip(7)). Without the queue a socket
 * keeps only the last error, and sendmmsg(2) swallows one that it meets in the middle.
 *
 *   msghdr    name(8) name length(4) pad(4) iovec(8) iovec count(8) control(8) control length(8) flags(4)
 *   cmsghdr   length(8) level(4) type(4) | sock_extended_err
 *   sock_extended_err   errno(4) origin(1) type(1) code(1) pad(1) info(4) data(4)
 */
import * as native from './native.ts'

const MSG_DONTWAIT = 0x40
const MSG_ERRQUEUE = 0x2000
const CONTROL = 64
const CONTROL_BYTES = 192
const CONTROL_POINTER = 32
const CONTROL_LENGTH = 40
const ERRNO = CONTROL + 16
const ORIGIN = CONTROL + 20
/** SO_EE_ORIGIN_LOCAL: the call that failed said so itself. */
const ORIGIN_LOCAL = 1

/** Most notes that are read at once: a flood of ICMP must not keep frames waiting. */
const MOST = 256

/** Reads error queues. */
export class ErrorQueue {
  readonly #bytes = new Uint8Array(new ArrayBuffer(CONTROL + CONTROL_BYTES))
  readonly #view = new DataView(this.#bytes.buffer)
  readonly #address = Number(native.addressOf(this.#bytes))

  /**
   * Takes what is queued at `fd`; `onError` gets the errno of each note, and whether it is about the
   * call that failed (`isLocal`) or about a datagram sent earlier. Returns how many were of the latter kind.
   */
  drain(fd: number, onError: (errno: number, isLocal: boolean) => void): number {
    let late = 0
    for (let note = 0; note < MOST; note++) {
      this.#view.setBigUint64(CONTROL_POINTER, BigInt(this.#address + CONTROL), true)
      this.#view.setBigUint64(CONTROL_LENGTH, BigInt(CONTROL_BYTES), true)
      if (native.recvmsg(fd, this.#address, MSG_DONTWAIT | MSG_ERRQUEUE) < 0) break
      const isLocal = this.#bytes[ORIGIN] === ORIGIN_LOCAL
      if (!isLocal) late++
      onError(this.#view.getUint32(ERRNO, true), isLocal)
    }
    return late
  }
}
