import assert from 'node:assert/strict'
import test from 'node:test'
import { compileFilters } from '../../../../sidecar/engine/libpcap.ts'
import { OWN_HOP_LIMIT, ownPacketsFilter } from '../../../../sidecar/engine/own-packets.ts'
import { tapFilters } from '../../../../sidecar/tap/tap-filter.ts'

test('what podtap may have sent is left out, and then the user’s filter decides', () => {
  const sourcePorts = { first: 49152, last: 65535 }
  const alike = ownPacketsFilter({ sensorPort: 4789, sourcePorts, direction: 'outbound' })
  const own = `(${alike}) and ((ip[8] = ${OWN_HOP_LIMIT}) or (ip6[7] = ${OWN_HOP_LIMIT}) or (ip[9] = 1) or (ip6[6] = 58))`

  assert.deepEqual(tapFilters('tcp', 4789), [`not (${own})`, 'tcp'])
})

test('it compiles', async () => {
  assert.ok((await compileFilters(tapFilters('tcp port 80', 4789), 262144)).length > 0)
})
