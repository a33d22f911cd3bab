/** What webhook and sidecar expose, as Prometheus reads it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runTool } from '../helpers/run-tool.ts'
import { sidecarScrape, webhookScrape } from '../helpers/scrapes.ts'

for (const [program, scrape] of Object.entries({
  sidecar: sidecarScrape,
  webhook: webhookScrape,
})) {
  test(`promtool has nothing to say about the metrics of the ${program}`, async () => {
    const end = runTool('promtool', ['check', 'metrics'], { input: await scrape() })

    assert.deepEqual(end, { status: 0, stdout: '', stderr: '' })
  })
}

test('promtool has something to say about a gauge that is named as a counter', () => {
  const input =
    '# HELP podtap_wrong_total Some.\n# TYPE podtap_wrong_total gauge\npodtap_wrong_total 1\n'

  const { status, stderr } = runTool('promtool', ['check', 'metrics'], { input })

  assert.equal(status, 3)
  assert.match(stderr, /podtap_wrong_total non-counter metrics should not have "_total" suffix/)
})
