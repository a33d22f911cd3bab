import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { Socket, type AddressInfo } from 'node:net'
import { after, before, beforeEach, suite, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { issueAuthority, issueCertificate } from '../../../webhook/certificates/issue.ts'
import { Connections } from '../../../webhook/connections.ts'
import { OWN } from '../../helpers/own-objects.ts'

const IDLE_MS = 200
const REQUEST = 'GET / HTTP/1.1\r\nHost: podtap\r\n\r\n'

suite('connections of a server whose certificate changes', { timeout: 30_000 }, () => {
  let server: Server
  let connections: Connections
  /** What was asked, in order; answered by the test. */
  let asked: { readonly socket: Socket; readonly response: ServerResponse }[] = []

  before(async () => {
    const validity = { now: new Date(), lifeMs: 3_600_000 }
    const authority = await issueAuthority('1', validity)
    const { cert, key } = await issueCertificate(authority, OWN, validity)
    server = createServer({ cert, key }, ({ socket }, response) => {
      asked.push({ socket, response })
      server.emit('podtap-asked')
    })
    connections = new Connections(server, IDLE_MS)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  beforeEach(() => {
    asked = []
  })
  after(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })

  const open = async (): Promise<TLSSocket> => {
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.resume()
    await once(socket, 'secureConnect')
    return socket
  }
  /** Sends a request; returns the server's side of it, unanswered. */
  const ask = async (socket: TLSSocket): Promise<(typeof asked)[number]> => {
    const received = once(server, 'podtap-asked')
    socket.write(REQUEST)
    await received
    return asked.at(-1)!
  }
  const answer = async (response: ServerResponse): Promise<void> => {
    const done = once(response, 'close')
    response.end()
    await done
  }

  test('one is old from the next change on, a later one is not', async () => {
    const first = await ask(await open())
    assert.equal(connections.isOld(first.socket), false)

    connections.renew()
    const second = await ask(await open())

    assert.deepEqual(
      [first, second].map(({ socket }) => connections.isOld(socket)),
      [true, false],
    )
    await answer(first.response)
    await answer(second.response)
  })

  test('an old one that is idle is ended; one in use is not, until it was idle too', async () => {
    const [idle, busy] = [await open(), await open()]
    await answer((await ask(idle)).response)
    const { response } = await ask(busy)
    connections.renew()
    const fresh = await open()
    await answer((await ask(fresh)).response)

    const since = performance.now()
    await once(idle, 'close')

    assert.ok(performance.now() - since < 20 * IDLE_MS)
    assert.deepEqual([busy.closed, fresh.closed], [false, false])
    await answer(response)
    await once(busy, 'close')
    assert.equal(fresh.closed, false)
    await answer((await ask(fresh)).response)
  })

  test('a socket that it has never seen is not old', () => {
    assert.equal(connections.isOld(new Socket()), false)
  })
})
