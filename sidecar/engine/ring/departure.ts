/**
 * The first datagram to a neighbour. Until ARP or neighbour discovery has its address, Linux keeps at
 * most unres_qlen_bytes for it, about a hundred datagrams (arp(7)), and discards the oldest beyond that
 * without telling anybody. So one goes ahead, and the others wait in the ring until it has left.
 */
import * as native from './native.ts'

/** How long all destinations together may keep frames waiting, in milliseconds. */
export const LONGEST_WAIT_MS = 500

const PAUSE_MS = 1

/** Waits until nothing that `fd` sent is in this host any more, or until `performance.now()` is `deadline`. */
export function awaitDeparture(fd: number, deadline: number): void {
  while (native.unsentBytes(fd) > 0 && performance.now() < deadline) native.poll(0, 0, PAUSE_MS)
}
