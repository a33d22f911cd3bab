import { generate } from 'selfsigned'
import type { OwnObjects } from '../../webhook/config.ts'
import { issueCertificate } from '../../webhook/certificates/issue.ts'

/** The content of a Secret with a certificate for our Service that somebody else's authority signed. */
export async function foreignSecret(own: OwnObjects): Promise<ForeignSecret> {
  const now = new Date()
  const lifeMs = 24 * 3_600_000
  const authority = await generate([{ name: 'commonName', value: 'Example CA' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() - 60_000),
    notAfterDate: new Date(now.getTime() + lifeMs),
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  })
  const signer = { cert: authority.cert, key: authority.private }
  const { cert, key } = await issueCertificate(signer, own, { now, lifeMs })
  return { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert }
}

/** PEM by key. */
export interface ForeignSecret extends Record<string, string> {
  readonly 'tls.crt': string
  readonly 'tls.key': string
  readonly 'ca.crt': string
}
