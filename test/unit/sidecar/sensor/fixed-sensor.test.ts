import assert from 'node:assert/strict'
import test from 'node:test'
import { fixedSensor } from '../../../../sidecar/sensor/fixed-sensor.ts'
import { runSource } from '../../../helpers/sensor-probe.ts'

test('a fixed sensor is told at once, under its address', (t) => {
  const seen = runSource(t, fixedSensor({ address: 'fd00::7', family: 6, port: 4789 }))

  assert.deepEqual(seen.sensors, [['fd00::7 fd00::7:4789 -']])
})
