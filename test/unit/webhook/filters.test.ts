import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FilterChecker } from '../../../webhook/filters.ts'

test('a filter that compiles has no problem', async () => {
  assert.equal(await new FilterChecker().problemOf('tcp port 80 or udp'), undefined)
})

test('a filter that does not compile has the problem that libpcap names', async () => {
  const problem = await new FilterChecker().problemOf('tcp porst 80')

  assert.match(problem ?? '', /^filter "tcp porst 80": expected a pcap-filter expression: .*syntax/)
})
