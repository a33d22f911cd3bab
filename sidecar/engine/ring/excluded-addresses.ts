/** Leaves out the packets from and to some IP addresses, in the kernel. */
import { CODE, type Instruction } from './instructions.ts'
import { numberSet } from './number-set.ts'
import { ipSocketAddress } from './socket-address.ts'

/** Offsets in an Ethernet frame (RFC 894, RFC 791 §3.1, RFC 8200 §3, RFC 826). */
const ETHER_TYPE = 12
const IPV4 = { type: 0x0800, length: 34, addresses: [26, 30] }
const ARP = { type: 0x0806, length: 42, addresses: [28, 38] }
const IPV6 = { type: 0x86dd, length: 54, addresses: [22, 38] }

/** The upper 96 bits of IPv6 addresses, which those of one node have in common, and their last words. */
interface Prefix {
  readonly words: readonly [number, number, number]
  readonly last: number[]
}

/**
 * Instructions that refuse IP and ARP packets from or to `addresses` (IPv4 or IPv6, without zone). A
 * VLAN tag that is in the frame, and not beside it as Linux has it, hides them.
 */
export function excludedAddresses(addresses: readonly string[]): Instruction[] {
  const ipv4 = addresses.filter((each) => !each.includes(':')).map(toNumber)
  const prefixes = prefixesOf(addresses.filter((each) => each.includes(':')))
  const ask4 = (at: number): Instruction[] => [loadWord(at), ...numberSet(ipv4, 'refuse')]
  return [
    ...(ipv4.length === 0
      ? []
      : [IPV4, ARP].flatMap((kind) => section(kind, kind.addresses.flatMap(ask4)))),
    ...(prefixes.length === 0
      ? []
      : section(
          IPV6,
          IPV6.addresses.flatMap((at) => prefixes.flatMap((prefix) => askPrefix(prefix, at))),
        )),
  ]
}

/** `body` for frames of one type that are long enough: reading behind the end would refuse a frame. */
function section(
  { type, length }: { readonly type: number; readonly length: number },
  body: readonly Instruction[],
): Instruction[] {
  return [
    [CODE.loadHalf, 0, 0, ETHER_TYPE],
    [CODE.jumpIfEqual, 1, 0, type],
    [CODE.jump, 0, 0, body.length + 3],
    [CODE.loadLength, 0, 0, 0],
    [CODE.jumpIfAtLeast, 1, 0, length],
    [CODE.jump, 0, 0, body.length],
    ...body,
  ]
}

function askPrefix({ words, last }: Prefix, at: number): Instruction[] {
  const set = [loadWord(at + 12), ...numberSet(last, 'refuse')]
  return words.reduceRight<Instruction[]>(
    (rest, word, index) => [
      loadWord(at + 4 * index),
      [CODE.jumpIfEqual, 1, 0, word],
      [CODE.jump, 0, 0, rest.length],
      ...rest,
    ],
    set,
  )
}

function loadWord(at: number): Instruction {
  return [CODE.loadWord, 0, 0, at]
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function prefixesOf(addresses: readonly string[]): Prefix[] {
  const prefixes = new Map<string, Prefix>()
  for (const address of addresses) {
    const bytes = ipSocketAddress(6, address, 0)
    const view = new DataView(bytes.buffer, 8)
    const words = [view.getUint32(0), view.getUint32(4), view.getUint32(8)] as const
    const prefix = prefixes.get(words.join()) ?? { words, last: [] }
    prefix.last.push(view.getUint32(12))
    prefixes.set(words.join(), prefix)
  }
  return [...prefixes.values()]
}
