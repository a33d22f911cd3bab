import assert from 'node:assert/strict'
import test from 'node:test'
import { readIpAddress } from '../../../lib/ip-address.ts'

test('IPv4 and IPv6 literals are addresses, the latter also in brackets', () => {
  assert.deepEqual(readIpAddress('10.0.0.1'), { address: '10.0.0.1', family: 4 })
  assert.deepEqual(readIpAddress('fd00::1'), { address: 'fd00::1', family: 6 })
  assert.deepEqual(readIpAddress('[fd00::1]'), { address: 'fd00::1', family: 6 })
})

test('anything else is none', () => {
  const others = ['', '10.0.0.256', '010.0.0.1', '[10.0.0.1]', '[fd00::1', 'fe80::1%eth0', 'host']

  assert.deepEqual(
    others.map(readIpAddress),
    others.map(() => undefined),
  )
})
