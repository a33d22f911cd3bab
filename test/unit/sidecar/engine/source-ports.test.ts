import assert from 'node:assert/strict'
import type { Socket } from 'node:dgram'
import test from 'node:test'
import {
  openSourcePorts,
  SOURCE_PORT_COUNT,
  type SourcePorts,
} from '../../../../sidecar/engine/source-ports.ts'

test('source ports are neighbours in the range of RFC 7348, the same for both families', async (t) => {
  const ports = await open(t)

  const expected = Array.from({ length: SOURCE_PORT_COUNT }, (_, index) => ports.first + index)
  assert.deepEqual(ports.ipv4.map(portOf), expected)
  if (ports.ipv6.length > 0) assert.deepEqual(ports.ipv6.map(portOf), expected)
  assert.equal(ports.last, expected.at(-1))
  assert.ok(ports.first >= 49152 && ports.last <= 65535)
})

test('two of them do not share a port', async (t) => {
  const first = await open(t)
  const second = await open(t)

  assert.ok(second.last < first.first || second.first > first.last)
})

async function open(t: test.TestContext): Promise<SourcePorts> {
  const ports = await openSourcePorts()
  t.after(() => {
    for (const socket of [...ports.ipv4, ...ports.ipv6]) socket.close()
  })
  return ports
}

function portOf(socket: Socket): number {
  return socket.address().port
}
