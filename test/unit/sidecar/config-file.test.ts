import assert from 'node:assert/strict'
import test from 'node:test'
import { parseConfigFile, renderConfigFile } from '../../../sidecar/config-file.ts'

test('variables are read from JSON: text, numbers, switches and lists', () => {
  const text =
    '{"SENSOR":"192.0.2.1","VNI":42,"INTERFACE_ANY":true,"INTERFACE_INCLUDE":["^eth","^en"]}'

  assert.deepEqual(parseConfigFile(text, 'f.json'), {
    SENSOR: '192.0.2.1',
    VNI: '42',
    INTERFACE_ANY: 'on',
    INTERFACE_INCLUDE: '^eth ^en',
  })
})

test('what is written is read as it was, and secrets are masked and not read', () => {
  const variables = { SENSOR: 'host:x', VSENSOR_HMAC_KEY: 'secret', VNI: '', PATH: '/bin' }
  const text = renderConfigFile(variables)

  assert.equal(text, '{\n  "SENSOR": "host:x",\n  "VSENSOR_HMAC_KEY": "***"\n}\n')
  assert.deepEqual(parseConfigFile(text, 'f.json'), { SENSOR: 'host:x' })
})

test('one error names everything that is wrong in a file', () => {
  assert.throws(() => parseConfigFile('{"SENSR":"x","VNI":{}}', '/f.json'), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: /f.json: "SENSR" is not a variable of podtap; ' +
      '/f.json: VNI: expected text, a number, true, false, or a list of texts',
  })
})

test('a file that is no JSON object is an error', () => {
  assert.throws(() => parseConfigFile('SENSOR=x', '/f.json'), /\/f\.json: expected JSON: /)
  for (const text of ['[]', 'null', '"x"']) {
    assert.throws(() => parseConfigFile(text, '/f.json'), /expected a JSON object/)
  }
})
