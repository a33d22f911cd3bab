import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import {
  issueAuthority,
  issueCertificate,
  type KeyPair,
} from '../../../../webhook/certificates/issue.ts'
import { OWN } from '../../../helpers/own-objects.ts'

const NOW = new Date()
const VALIDITY = { now: NOW, lifeMs: 365 * 24 * 3_600_000 }

suite('an issued certificate', () => {
  const directory = mkdtempSync(join(tmpdir(), 'podtap-certificate-'))
  const file = (name: string): string => join(directory, name)
  let authority: KeyPair
  let leaf: KeyPair

  before(async () => {
    authority = await issueAuthority('a1', VALIDITY)
    leaf = await issueCertificate(authority, OWN, VALIDITY)
    writeFileSync(file('ca.pem'), authority.cert)
    writeFileSync(file('leaf.pem'), leaf.cert)
  })
  after(() => {
    rmSync(directory, { recursive: true })
  })

  test('is verified by openssl for the name of the Service', () => {
    const purpose = ['-purpose', 'sslserver']
    const host = ['-verify_hostname', 'podtap-webhook.podtap.svc']

    const said = openssl('verify', ...host, ...purpose, '-CAfile', file('ca.pem'), file('leaf.pem'))

    assert.equal(said, `${file('leaf.pem')}: OK\n`)
  })

  test('is signed with SHA-256 by an authority of a name of its own', () => {
    const said = openssl('x509', '-in', file('leaf.pem'), '-noout', '-text')

    assert.match(said, /Signature Algorithm: ecdsa-with-SHA256/)
    assert.match(said, /Issuer: CN = podtap-webhook-ca-a1\n/)
    assert.match(said, /NIST CURVE: P-256/)
    assert.match(said, /X509v3 Extended Key Usage: \n\s+TLS Web Server Authentication\n/)
    assert.match(
      said,
      /DNS:podtap-webhook\.podtap\.svc, DNS:podtap-webhook\.podtap\.svc\.cluster\.local, DNS:podtap-webhook\.podtap\n/,
    )
  })

  test('has begun an hour ago and lasts as long as it was told', () => {
    const said = openssl('x509', '-in', file('leaf.pem'), '-noout', '-startdate', '-enddate')

    const [start, end] = said.split('\n').map((line) => Date.parse(line.split('=')[1] ?? ''))
    const hour = 3_600_000
    assert.equal(start, Math.floor((NOW.getTime() - hour) / 1000) * 1000)
    assert.equal(end, Math.floor((NOW.getTime() + 365 * 24 * hour) / 1000) * 1000)
  })

  test('makes a TLS connection that trusts the authority', async () => {
    const { authorized, protocol } = await handshake(leaf, {
      ca: authority.cert,
      servername: 'podtap-webhook.podtap.svc',
    })

    assert.equal(authorized, true)
    assert.equal(protocol, 'TLSv1.3')
  })

  test('is refused under another name', async () => {
    await assert.rejects(handshake(leaf, { ca: authority.cert, servername: 'other.podtap.svc' }), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  test('is trusted with the authority anywhere in a bundle', async () => {
    const other = await issueAuthority('b2', VALIDITY)
    const servername = 'podtap-webhook.podtap.svc'

    for (const ca of [
      [other.cert, authority.cert].join('\n'),
      [authority.cert, other.cert].join('\n'),
    ]) {
      const { authorized } = await handshake(leaf, { ca, servername })
      assert.equal(authorized, true)
    }
  })
})

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8' })
}

interface Handshake {
  readonly authorized: boolean
  readonly protocol: string | null
}

async function handshake(leaf: KeyPair, options: ConnectionOptions): Promise<Handshake> {
  const server = createServer(leaf)
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ ...options, host: '127.0.0.1', port })
  try {
    await once(socket, 'secureConnect')
    return { authorized: socket.authorized, protocol: socket.getProtocol() }
  } finally {
    socket.destroy()
    server.close()
  }
}
