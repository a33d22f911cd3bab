import assert from 'node:assert/strict'
import test from 'node:test'
import { splitPem } from '../../../../webhook/certificates/inspect.ts'

const ONE = '-----BEGIN CERTIFICATE-----\nMIIB+/A=\nAA==\n-----END CERTIFICATE-----'
const TWO = ONE.replace('MIIB', 'MIIC')

test('certificates of a file are found in their order, whatever stands between them', () => {
  assert.deepEqual(splitPem(`${ONE}\n${TWO}\n`), [ONE, TWO])
  assert.deepEqual(splitPem(`subject=CN = a\n${ONE}  \n\n# another\n${TWO}`), [ONE, TWO])
  const windows = ONE.replaceAll('\n', '\r\n')
  assert.deepEqual(splitPem(`${windows}\r\n${windows}\r\n`), [windows, windows])
})

// Seen: kube-apiserver trusts neither, and every review fails.
test('files that were put together without an end of line between them hold none', () => {
  assert.deepEqual(splitPem(ONE + TWO), [])
})

test('what is cut off or is no certificate is passed over', () => {
  const key = ONE.replaceAll('CERTIFICATE', 'PRIVATE KEY')
  assert.deepEqual(splitPem(`${key}\n${ONE.slice(0, -3)}\n${TWO}`), [TWO])
  assert.deepEqual(splitPem(''), [])
})
