/**
 * A bare Fastify echo over TLS, with a certificate of the same kind as the webhook's. Arguments: the
 * port; `parsed` sends the body back as Fastify parsed it, `bytes` as it came.
 */
import Fastify from 'fastify'
import { OWN } from '../../helpers/own-objects.ts'
import { issueAuthority, issueCertificate } from '../../../webhook/certificates/issue.ts'
import { MAX_REVIEW_BYTES } from '../../../webhook/server.ts'

const [port, mode] = process.argv.slice(2)
const validity = { now: new Date(), lifeMs: 24 * 3_600_000 }
const { cert, key } = await issueCertificate(await issueAuthority('01', validity), OWN, validity)
const app = Fastify({ https: { cert, key, minVersion: 'TLSv1.2' }, bodyLimit: MAX_REVIEW_BYTES })
if (mode === 'bytes') {
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
}
app.post('/mutate', (request, reply) => reply.type('application/json').send(request.body))
app.get('/readyz', () => ({ ready: true }))
await app.listen({ port: Number(port), host: '127.0.0.1' })
