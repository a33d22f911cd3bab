import assert from 'node:assert/strict'
import test from 'node:test'
import { reachable, readAddresses } from '../../../../sidecar/sensor/address-family.ts'

const LOOPBACK = ['127.0.0.1', '::1', 'fe80::5054:ff:fe12:3456']
const BOTH = readAddresses(['10.0.0.1', 'fd00::1', '10.0.0.2'])

function chosen(own: readonly string[]): string[] {
  return reachable(BOTH, own).map(({ address }) => address)
}

test('addresses of the family that the pod has are reachable', () => {
  assert.deepEqual(chosen([...LOOPBACK, '10.1.1.1']), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual(chosen([...LOOPBACK, 'fd00::99']), ['fd00::1'])
})

test('of two families the first of the pod is taken', () => {
  assert.deepEqual(chosen(['fd00::99', '10.1.1.1']), ['fd00::1'])
  assert.deepEqual(chosen(['10.1.1.1', 'fd00::99']), ['10.0.0.1', '10.0.0.2'])
})

test('the second family of the pod is taken where there is no address of the first', () => {
  const addresses = reachable(readAddresses(['fd00::1']), ['10.1.1.1', 'fd00::99'])

  assert.deepEqual(addresses, [{ address: 'fd00::1', family: 6 }])
})

test('nothing is reachable in a family that the pod does not have', () => {
  assert.deepEqual(reachable(readAddresses(['fd00::1']), ['10.1.1.1', ...LOOPBACK]), [])
})

test('where the own addresses say nothing, the family of the first candidate is taken', () => {
  assert.deepEqual(chosen(LOOPBACK), ['10.0.0.1', '10.0.0.2'])
})

test('what is no address is left out', () => {
  assert.deepEqual(readAddresses(['10.0.0.1', 'none', '', '10.0.0.300', 'fe80::1%eth0']), [
    { address: '10.0.0.1', family: 4 },
  ])
})
