import assert from 'node:assert/strict'
import test from 'node:test'
import { CAP_NET_RAW, fileCapability } from '../../../../scripts/image.d/capability.ts'

test('cap_net_raw+ep has the bytes that setcap(8) writes', () => {
  // getfattr -n security.capability -e hex, after setcap cap_net_raw+ep
  assert.equal(
    fileCapability(CAP_NET_RAW).toString('hex'),
    '01000002' + '00200000' + '00000000' + '00000000' + '00000000',
  )
})
