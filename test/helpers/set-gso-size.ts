/**
 * Lets an interface carry super-frames of so many bytes, IPv4 and IPv6 (BIG TCP). Arguments: interface,
 * bytes. iproute2 knows `gso_ipv4_max_size` since 6.3 only, so the kernel is asked directly (rtnetlink(7)):
 *
 *   nlmsghdr   length(4) type(2) flags(2) sequence(4) port(4)
 *   ifinfomsg  family(1) pad(1) type(2) index(4) flags(4) change(4)
 *   attribute  length(2) type(2) value(4) …
 */
import { readFileSync } from 'node:fs'
import * as native from '../../sidecar/engine/ring/native.ts'

const AF_NETLINK = 16
const SOCK_RAW = 3
const RTM_NEWLINK = 16
const NLM_F_REQUEST_ACK = 1 | 4
/** IFLA_GSO_MAX_SIZE, IFLA_GRO_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE (linux/if_link.h). */
const SIZES = [41, 58, 63, 64]

const [interfaceName = '', bytes = ''] = process.argv.slice(2)
const index = Number(readFileSync(`/sys/class/net/${interfaceName}/ifindex`, 'latin1'))
const request = new DataView(new ArrayBuffer(32 + 8 * SIZES.length))
request.setUint32(0, request.byteLength, true)
request.setUint16(4, RTM_NEWLINK, true)
request.setUint16(6, NLM_F_REQUEST_ACK, true)
request.setInt32(20, index, true)
for (const [place, attribute] of SIZES.entries()) {
  request.setUint16(32 + 8 * place, 8, true)
  request.setUint16(34 + 8 * place, attribute, true)
  request.setUint32(36 + 8 * place, Number(bytes), true)
}

const socket = native.socket(AF_NETLINK, SOCK_RAW, 0)
const answer = new Uint8Array(4096)
native.send(socket, new Uint8Array(request.buffer), request.byteLength, 0)
native.receive(socket, answer, answer.length, 0)
// An answer is a header and the negative errno, 0 for success.
const errno = -new DataView(answer.buffer).getInt32(16, true)
if (errno !== 0) throw new Error(`super-frames of ${bytes} bytes: ${native.errnoName(errno)}`)
