/** One look-up of a host name: A and AAAA records with their time to live, or else /etc/hosts. */
import { lookup, Resolver } from 'node:dns/promises'
import { errnoCodeOf } from '../../lib/errors.ts'
import type { IpAddress } from '../../lib/ip-address.ts'
import { readAddresses } from './address-family.ts'

/** The records of one family. */
export type Records = readonly { readonly address: string; readonly ttl: number }[]

/** The questions that a look-up asks; as node:dns/promises answers them. */
export interface DnsQueries {
  resolve4(host: string, options: { readonly ttl: true }): Promise<Records>
  resolve6(host: string, options: { readonly ttl: true }): Promise<Records>
  lookup(host: string, options: { readonly all: true }): Promise<readonly { address: string }[]>
}

/** What a host name means now. */
export interface HostAnswer {
  /** Sorted; empty: whoever was asked says that the name has none. */
  readonly addresses: readonly IpAddress[]
  /** How long that is valid, in seconds; undefined: nobody said. */
  readonly ttlSeconds: number | undefined
}

/** How long one server of resolv.conf is waited for, in milliseconds, and how often it is asked. */
const SERVER_LIMITS = { timeout: 2000, tries: 2 }

/** The queries of this machine's resolver. */
export function systemDns(): DnsQueries {
  const resolver = new Resolver(SERVER_LIMITS)
  return {
    resolve4: (host, options) => resolver.resolve4(host, options),
    resolve6: (host, options) => resolver.resolve6(host, options),
    lookup: (host, options) => lookup(host, options),
  }
}

/**
 * Resolves `host`. DNS is asked for its records, because only they have a time to live; what it does
 * not know is asked of getaddrinfo(), which also reads /etc/hosts and appends the search domains of
 * resolv.conf (`sensor.podtap-sensor` is such a name), as node's resolve4() does not.
 * A family whose servers fail keeps its addresses of `previous`, so that an unlucky moment of one
 * query does not move mirrored traffic to the other family.
 * @throws the error of the last question when there is no address and not all of them are sure of it.
 */
export async function resolveHost(
  host: string,
  dns: DnsQueries,
  previous: readonly IpAddress[] = [],
): Promise<HostAnswer> {
  const [v4, v6] = await Promise.allSettled([
    dns.resolve4(host, { ttl: true }),
    dns.resolve6(host, { ttl: true }),
  ])
  const records = [...recordsOf(v4), ...recordsOf(v6)]
  if (records.length === 0) {
    const isSure = !isUnknown(v4) && !isUnknown(v6)
    return { addresses: await lookUp(host, dns, isSure), ttlSeconds: undefined }
  }
  const kept = previous.filter(({ family }) => isUnknown(family === 4 ? v4 : v6))
  const ttls = [...records.map(({ ttl }) => ttl), ...kept.map(() => 0)]
  return { addresses: sorted([...records, ...kept]), ttlSeconds: Math.min(...ttls) }
}

async function lookUp(
  host: string,
  dns: DnsQueries,
  isSure: boolean,
): Promise<readonly IpAddress[]> {
  try {
    return sorted(await dns.lookup(host, { all: true }))
  } catch (error) {
    if (isSure && isNoSuchName(error)) return []
    throw error
  }
}

function recordsOf(answer: PromiseSettledResult<Records>): Records {
  return answer.status === 'fulfilled' ? answer.value : []
}

/** Whether the servers failed, rather than said that there is no such record. */
function isUnknown(answer: PromiseSettledResult<Records>): boolean {
  if (answer.status === 'fulfilled') return false
  return !isNoSuchName(answer.reason)
}

function isNoSuchName(error: unknown): boolean {
  return ['ENOTFOUND', 'ENODATA'].includes(errnoCodeOf(error) ?? '')
}

/** Without duplicates and in one order, so that two equal answers are equal: servers rotate records. */
function sorted(records: readonly { readonly address: string }[]): readonly IpAddress[] {
  return readAddresses([...new Set(records.map(({ address }) => address))].sort())
}
