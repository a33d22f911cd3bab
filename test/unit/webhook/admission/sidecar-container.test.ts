import assert from 'node:assert/strict'
import test from 'node:test'
import { loadConfig } from '../../../../lib/config.ts'
import { SIDECAR_SCHEMA, sidecarSettings } from '../../../../webhook/admission/installation.ts'
import { renderContainer } from '../../../../webhook/admission/sidecar-container.ts'

interface Rendered {
  readonly ports: unknown
  readonly env: readonly { readonly name: string; readonly value?: string }[]
}

/** The metrics' part of the sidecar of an installation with these variables. */
function metricsOf(variables: Readonly<Record<string, string>>): object {
  const settings = sidecarSettings(loadConfig(SIDECAR_SCHEMA, variables))
  const { ports, env } = renderContainer(settings, []) as unknown as Rendered
  const value = (wanted: string): unknown => env.find(({ name }) => name === wanted)?.value
  return { ports, port: value('METRICS_PORT'), address: value('METRICS_ADDRESS') }
}

function declared(containerPort: number): object[] {
  return [{ name: 'podtap-metrics', containerPort, protocol: 'TCP' }]
}

test('the metrics port is declared where other pods can reach it', () => {
  assert.deepEqual(metricsOf({ SIDECAR_METRICS_PORT: '9100' }), {
    ports: declared(9100),
    port: '9100',
    address: undefined,
  })
  assert.deepEqual(metricsOf({ SIDECAR_METRICS_ADDRESS: '::' }), {
    ports: declared(14789),
    port: '14789',
    address: '::',
  })
})

test('metrics for the pod itself declare no port', () => {
  for (const address of ['127.0.0.1', '::1'])
    assert.deepEqual(metricsOf({ SIDECAR_METRICS_ADDRESS: address }), {
      ports: undefined,
      port: '14789',
      address,
    })
})

test('metrics can be switched off', () => {
  assert.deepEqual(metricsOf({ SIDECAR_METRICS_PORT: '0' }), {
    ports: undefined,
    port: '0',
    address: undefined,
  })
})
