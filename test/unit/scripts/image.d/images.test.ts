/** The Dockerfile and scripts/image make the same images. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { RECIPES } from '../../../../scripts/image.d/images.ts'
import { DEFAULT_METRICS_PORT, SIDECAR_UID } from '../../../../sidecar/contract.ts'
import { WEBHOOK_SCHEMA } from '../../../../webhook/config.ts'

const DOCKERFILE = readFileSync(join(import.meta.dirname, '../../../../Dockerfile'), 'utf8')

for (const name of ['webhook', 'sidecar']) {
  test(`the Dockerfile's ${name} runs as that of scripts/image does`, () => {
    assert.deepEqual(configOf(stageOf(name)), RECIPES[name]!.config)
  })

  test(`the Dockerfile's ${name} holds the files that scripts/image chooses`, () => {
    assert.deepEqual(valuesOf(stageOf(name), 'COPY'), [`--from=build /out/${name}/ /`])
    assert.match(
      stageOf('build'),
      new RegExp(`^RUN scripts/image --files /out .*\\b${name}\\b`, 'm'),
    )
  })
}

test('the sidecar runs as the user of its contract and offers its metrics port', () => {
  const { User, ExposedPorts } = RECIPES['sidecar']!.config

  assert.equal(User, `${SIDECAR_UID}:${SIDECAR_UID}`)
  assert.deepEqual(ExposedPorts, { [`${DEFAULT_METRICS_PORT}/tcp`]: {} })
})

test('the webhook offers the port that it listens on', () => {
  assert.deepEqual(RECIPES['webhook']!.config.ExposedPorts, {
    [`${WEBHOOK_SCHEMA.LISTEN_PORT.fallback}/tcp`]: {},
  })
})

test("only the sidecar's node gets the capability", () => {
  assert.deepEqual(DOCKERFILE.match(/^RUN setcap .*$/gm), [
    'RUN setcap cap_net_raw+ep /out/sidecar/usr/bin/node',
  ])
})

/** The lines of a stage, from after its FROM to the next. */
function stageOf(name: string): string {
  const stage = new RegExp(`^FROM \\S+ AS ${name}\n([\\s\\S]*?)(?=^FROM |$(?![\\s\\S]))`, 'm')
  return stage.exec(DOCKERFILE)?.[1] ?? assert.fail(`no stage ${name}`)
}

function configOf(stage: string): unknown {
  return {
    User: valuesOf(stage, 'USER')[0],
    ExposedPorts: Object.fromEntries(valuesOf(stage, 'EXPOSE').map((port) => [port, {}])),
    Env: valuesOf(stage, 'ENV'),
    Entrypoint: JSON.parse(valuesOf(stage, 'ENTRYPOINT')[0]!) as unknown,
    WorkingDir: valuesOf(stage, 'WORKDIR')[0],
    Labels: Object.fromEntries(
      valuesOf(stage, 'LABEL').map((label) => label.replaceAll('"', '').split('=')),
    ) as unknown,
  }
}

function valuesOf(stage: string, instruction: string): string[] {
  return [...stage.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map((match) => match[1]!)
}
