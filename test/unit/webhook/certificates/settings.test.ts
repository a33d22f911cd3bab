import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadWebhookConfig } from '../../../../webhook/config.ts'

test('lives are told in seconds, minutes, hours or days', () => {
  const env = { CERTIFICATE_LIFE: '12h', AUTHORITY_LIFE: '7d', TRUST_DELAY: '90s' }

  assert.deepEqual(loadWebhookConfig({ ...env, CERTIFICATE: 'secret' }).certificates, {
    source: 'secret',
    lifeMs: 43_200_000,
    authorityLifeMs: 604_800_000,
    trustDelayMs: 90_000,
  })
})

test('a life that is none is refused', () => {
  assert.throws(() => loadWebhookConfig({ CERTIFICATE_LIFE: '1y', CERTIFICATE: 'manual' }), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: CERTIFICATE: expected one of auto, secret, received "manual"; ' +
      'CERTIFICATE_LIFE: expected a time of 5s…3650d, such as 90s, 10m, 12h or 365d, received "1y"',
  })
})

test('lives that do not fit together are refused', () => {
  const env = { CERTIFICATE_LIFE: '60s', AUTHORITY_LIFE: '2m', TRUST_DELAY: '11s' }

  assert.throws(() => loadWebhookConfig(env), {
    code: 'ERR_CONFIG',
    message:
      'invalid configuration: AUTHORITY_LIFE: expected at least three times CERTIFICATE_LIFE; ' +
      'TRUST_DELAY: expected at most a sixth of CERTIFICATE_LIFE',
  })
})
