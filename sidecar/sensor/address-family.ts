/** Which of a sensor's addresses this pod can send to. */
import { readIpAddress, type IpAddress } from '../../lib/ip-address.ts'

/** The addresses of this pod's (or host's) interfaces, as they are now. */
export type OwnAddresses = () => readonly string[]

/** Whether one host can have this address: it is neither unspecified, nor for many, nor for all. */
export function isHostAddress({ address, family }: IpAddress): boolean {
  if (family === 6) return !/^(::$|ff)/i.test(address)
  const first = Number(address.split('.')[0])
  return first > 0 && first < 224
}

/**
 * Those of `candidates` that are of one family: the first family of the own addresses that any of
 * them has. Loopback and link-local addresses say nothing about what can be reached, and without any
 * other own address all candidates are as good. Empty: none can be reached.
 */
export function reachable(
  candidates: readonly IpAddress[],
  own: readonly string[],
): readonly IpAddress[] {
  const families = familiesOf(own)
  const wanted = families.length === 0 ? familiesIn(candidates) : families
  const family = wanted.find((each) => candidates.some((candidate) => candidate.family === each))
  return candidates.filter((candidate) => candidate.family === family)
}

/** The IP addresses among `texts`; what is none is left out. */
export function readAddresses(texts: readonly string[]): readonly IpAddress[] {
  return texts.map(readIpAddress).filter((address) => address !== undefined)
}

function familiesOf(own: readonly string[]): readonly (4 | 6)[] {
  return familiesIn(readAddresses(own.filter((address) => !isLocal(address))))
}

function familiesIn(addresses: readonly IpAddress[]): readonly (4 | 6)[] {
  return [...new Set(addresses.map(({ family }) => family))]
}

/** Loopback (127.0.0.0/8, ::1) or link-local (169.254.0.0/16, fe80::/10). */
function isLocal(address: string): boolean {
  return /^(127\.|169\.254\.|::1$|fe[89ab])/i.test(address)
}
