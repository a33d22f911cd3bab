import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import test from 'node:test'
import { AppError } from '../../../../lib/errors.ts'
import {
  AF_INET,
  AF_INET6,
  findSockets,
  NO_UDP_CHECKSUM,
  setSocketOption,
  takePacketDrops,
} from '../../../../sidecar/engine/socket-options.ts'

test('the sockets of one family are found, and no others', async () => {
  const before = findSockets(AF_INET)
  const before6 = findSockets(AF_INET6)

  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const during = findSockets(AF_INET)
  socket.close()

  assert.equal(during.length, before.length + 1)
  assert.deepEqual(findSockets(AF_INET6), before6)
})

test('an option is set on a socket', async () => {
  const before = new Set(findSockets(AF_INET))
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const descriptor = findSockets(AF_INET).find((fd) => !before.has(fd))!

  setSocketOption(descriptor, NO_UDP_CHECKSUM, 1)

  socket.close()
})

test('an option that a descriptor does not take is an error with the number of the system', () => {
  assert.throws(
    () => {
      setSocketOption(-1, NO_UDP_CHECKSUM, 1)
    },
    (error: unknown) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'ERR_CAPTURE')
      assert.match(error.message, /expected 1 to be accepted, received errno 9$/)
      return true
    },
  )
})

test('what is no packet socket has dropped no packets', () => {
  assert.equal(takePacketDrops(-1), 0)
})
