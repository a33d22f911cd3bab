import type { Socket } from 'node:dgram'
import {
  AF_INET,
  AF_INET6,
  findSockets,
  IPV4_MTU_DISCOVERY,
  IPV6_MTU_DISCOVERY,
  MTU_DISCOVERY_OFF,
  NO_UDP_CHECKSUM,
  REUSE_ADDRESS,
  setSocketOption,
} from './socket-options.ts'
import { OWN_HOP_LIMIT } from './own-packets.ts'

/** Granted up to net.core.wmem_max. */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024

/**
 * Gives the sockets, which must be all of this process' new internet sockets, what mirrored frames
 * need: the hop limit by which their fragments are known, room for bursts, no DF bit (the kernel cuts
 * what is longer than the path takes), and on IPv4 no UDP checksum: a virtual interface would leave
 * it half-done, and a sensor that sniffs would then discard the datagram. IPv6 demands one (RFC 8200 §8.1).
 * @throws AppError ERR_CAPTURE
 */
export function prepareSockets(sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    socket.setTTL(OWN_HOP_LIMIT)
    socket.setSendBufferSize(SEND_BUFFER_BYTES)
  }
  for (const descriptor of findSockets(AF_INET)) {
    setSocketOption(descriptor, NO_UDP_CHECKSUM, 1)
    setSocketOption(descriptor, IPV4_MTU_DISCOVERY, MTU_DISCOVERY_OFF)
  }
  for (const descriptor of findSockets(AF_INET6)) {
    setSocketOption(descriptor, IPV6_MTU_DISCOVERY, MTU_DISCOVERY_OFF)
  }
}

/** Lets a second socket be bound to the ports of those that there are, or no longer. */
export function sharePorts(isAllowed: boolean): void {
  for (const descriptor of [...findSockets(AF_INET), ...findSockets(AF_INET6)]) {
    setSocketOption(descriptor, REUSE_ADDRESS, isAllowed ? 1 : 0)
  }
}
