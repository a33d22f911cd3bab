import assert from 'node:assert/strict'
import test from 'node:test'
import {
  resolveHost,
  systemDns,
  type DnsQueries,
  type Records,
} from '../../../../sidecar/sensor/resolve-host.ts'

type Answer = Records | string

/** Queries with these answers; a text is the code of an error. `hosts` is what getaddrinfo() answers. */
function dns(v4: Answer, v6: Answer, hosts: readonly string[] | string = 'ENOTFOUND'): DnsQueries {
  return {
    resolve4: () => reply(v4),
    resolve6: () => reply(v6),
    lookup: () => {
      if (typeof hosts === 'string') return Promise.reject(failure(hosts))
      return Promise.resolve(hosts.map((address) => ({ address })))
    },
  }
}

function reply(answer: Answer): Promise<Records> {
  return typeof answer === 'string' ? Promise.reject(failure(answer)) : Promise.resolve(answer)
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

const V4 = [{ address: '10.0.0.1', ttl: 30 }]
const V6 = [{ address: 'fd00::1', ttl: 5 }]
const FOUR = { address: '10.0.0.1', family: 4 } as const
const SIX = { address: 'fd00::1', family: 6 } as const

test('A and AAAA records are one answer with the shorter time to live', async () => {
  assert.deepEqual(await resolveHost('zeek.example.org', dns(V4, V6)), {
    addresses: [FOUR, SIX],
    ttlSeconds: 5,
  })
})

test('a name with addresses of one family has those', async () => {
  assert.deepEqual(await resolveHost('zeek.example.org', dns('ENODATA', V6), [FOUR]), {
    addresses: [SIX],
    ttlSeconds: 5,
  })
})

test('a family whose servers fail keeps its addresses and is asked again soon', async () => {
  assert.deepEqual(await resolveHost('zeek.example.org', dns('ETIMEOUT', V6), [FOUR]), {
    addresses: [FOUR, SIX],
    ttlSeconds: 0,
  })
})

test('what DNS does not know is looked up as the system does, without a time to live', async () => {
  assert.deepEqual(await resolveHost('zeek', dns('ENOTFOUND', 'ENOTFOUND', ['10.0.0.1'])), {
    addresses: [FOUR],
    ttlSeconds: undefined,
  })
})

test('a name that all know not to exist has no addresses, whatever it meant before', async () => {
  const gone = { addresses: [], ttlSeconds: undefined }

  assert.deepEqual(await resolveHost('zeek', dns('ENOTFOUND', 'ENOTFOUND'), [FOUR]), gone)
  assert.deepEqual(await resolveHost('zeek', dns('ENODATA', 'ENODATA', 'ENODATA'), [FOUR]), gone)
})

test('it is an error where one of them has failed instead', async () => {
  const failed = [
    dns('ETIMEOUT', 'ENOTFOUND'),
    dns('ENOTFOUND', 'ESERVFAIL'),
    dns('ENOTFOUND', 'ENOTFOUND', 'EAI_AGAIN'),
  ]
  const codes = await Promise.all(
    failed.map((each) => resolveHost('zeek', each).catch((error: unknown) => error)),
  )

  assert.deepEqual(
    codes.map((error) => (error as { code?: string }).code),
    ['ENOTFOUND', 'ENOTFOUND', 'EAI_AGAIN'],
  )
})

test('a name of /etc/hosts is found by the real resolver', { timeout: 20_000 }, async () => {
  const { addresses } = await resolveHost('localhost', systemDns())

  assert.ok(addresses.some(({ address }) => address === '127.0.0.1' || address === '::1'))
})
