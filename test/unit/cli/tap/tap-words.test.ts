import assert from 'node:assert/strict'
import test from 'node:test'
import { explainTapEnd, readTapWords } from '../../../../cli/tap/tap-words.ts'

test('the last line of its own counts', () => {
  assert.deepEqual(readTapWords('warning\n{"frames":5,"dropped":1}\n'), { frames: 5, dropped: 1 })
  assert.deepEqual(readTapWords('null\n"x"\nnoise'), {})
})

test('why a tap has failed is one line', () => {
  assert.equal(explainTapEnd(69, '{"error":"cannot capture: eth7"}\n'), 'cannot capture: eth7')
  assert.equal(
    explainTapEnd(1, "Error: Cannot find module '/app/dist/sidecar/tap/main.js'"),
    'its sidecar is older than this podtap and has no tap: restart the workload',
  )
  assert.equal(explainTapEnd(137, ''), 'the tap in the sidecar ended with 137: no message')
})
