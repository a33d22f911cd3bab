import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { AppError } from '../../../../lib/errors.ts'
import { checkFilter } from '../../../../sidecar/engine/libpcap.ts'

for (const filter of [
  '',
  '  ',
  'tcp port 80',
  'tcp port http or udp port domain',
  'net 10.0.0.0/8 and not host 10.1.2.3',
  'ip6 and net fd00::/8',
  'ether host 02:00:00:00:00:01 or ether host 0200.0000.0001',
  'vlan 42 and tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
]) {
  test(`"${filter}" is a filter`, async () => {
    await checkFilter(filter)
  })
}

const REFUSED: [string, RegExp][] = [
  ['tpc port 80', /^filter "tpc port 80": expected a pcap-filter expression: .*syntax error/],
  ['port 65536', /illegal port number/],
  ['host', /syntax error/],
  ['(tcp', /syntax error/],
  ['host www.example.org', /expected an address instead of the host name www\.example\.org/],
  ['src net cafe.de', /expected an address instead of the host name cafe\.de/],
  ['tcp\0port 80', /expected printable ASCII characters only/],
  ['host münchen', /expected printable ASCII characters only/],
  ['tcp or '.repeat(300), /expected at most 2048 characters, received 2100/],
]

for (const [filter, reason] of REFUSED) {
  test(`${JSON.stringify(filter.slice(0, 40))} is refused with the reason`, async () => {
    await assert.rejects(checkFilter(filter), (error: unknown) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'ERR_FILTER')
      assert.match(error.message, reason)
      return true
    })
  })
}

test('the deepest filters that fit the limit end in an answer', async () => {
  for (const [word, joint] of [
    ['vlan', ' or '],
    ['ip6 protochain 6', '||'],
    ['host ::1', '&&'],
    ['!', ''],
    ['(', ''],
    ['tcp', '||'],
    ['mpls', '&&'],
  ] as const) {
    const words = Math.floor(2048 / (word.length + joint.length))
    await answer(new Array<string>(words).fill(word).join(joint))
  }
})

test('a filter longer than the kernel takes is refused', async () => {
  const filter = [...new Array<string>(113).fill('ip6 protochain 6'), 'port 1'].join('||')

  await assert.rejects(checkFilter(filter), /more than 3968 instructions/)
})

test('any text ends in an answer', async () => {
  const words = fc.constantFrom(
    ...['tcp', 'udp', 'port', 'host', 'net', 'not', 'and', 'or', '(', ')', '[', ']', '0x', '80'],
    ...['1.2.3.4', '/8', ':', '::1', 'ip6', 'vlan', 'mpls', 'len', '>', '!=', '&', '\\', "'", '-1'],
  )
  const sentence = fc.array(words, { maxLength: 30 }).map((parts) => parts.join(' '))

  await fc.assert(fc.asyncProperty(fc.oneof(sentence, fc.string({ maxLength: 60 })), answer), {
    numRuns: 2000,
  })
})

/** Resolves when `filter` is accepted or refused as a filter; rejects for any other failure. */
async function answer(filter: string): Promise<void> {
  try {
    await checkFilter(filter)
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'ERR_FILTER', String(error))
  }
}
