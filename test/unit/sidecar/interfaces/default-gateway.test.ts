import assert from 'node:assert/strict'
import test from 'node:test'
import { defaultGatewayDevice } from '../../../../sidecar/interfaces/default-gateway.ts'

const HEADER = 'Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT'
const UPLINK = 'ens5 00000000 0100000A 0003 0 0 100 00000000 0 0 0'
const SPARE = 'ens6 00000000 0100000B 0003 0 0 50 00000000 0 0 0'
const LOCAL = 'cni0 0000F40A 00000000 0001 0 0 0 00FFFFFF 0 0 0'
const UNREACHABLE = '* 00000000 00000000 0201 0 0 1 00000000 0 0 0'
const ZERO = '0'.repeat(32)
const UPLINK_6 = `${ZERO} 00 ${ZERO} 00 fe800000000000000000000000000001 00000400 1 0 00000003     ens7`
const LOOPBACK_6 = `${ZERO} 00 ${ZERO} 00 ${ZERO} ffffffff 1 0 00200200       lo`

test('the device of the default route is found', () => {
  assert.equal(defaultGatewayDevice([HEADER, LOCAL, UPLINK].join('\n'), ''), 'ens5')
})

test('of several the one with the lowest metric counts, and none that rejects', () => {
  assert.equal(defaultGatewayDevice([HEADER, UNREACHABLE, UPLINK, SPARE].join('\n'), ''), 'ens6')
})

test('where IPv4 has none, IPv6 is asked', () => {
  assert.equal(
    defaultGatewayDevice(`${HEADER}\n${LOCAL}\n`, `${LOOPBACK_6}\n${UPLINK_6}\n`),
    'ens7',
  )
})

test('a host without a default route has no such device', () => {
  for (const text of ['', HEADER, 'eth0', `${LOCAL}\n\n`]) {
    assert.equal(defaultGatewayDevice(text, LOOPBACK_6), undefined)
  }
})
