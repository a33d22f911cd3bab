import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseCpu, parseMemory, parseQuantity } from '../../../../webhook/admission/quantity.ts'

const CPU_EXPECTED = 'a CPU quantity of 10m…16, such as 250m'
const MEMORY_EXPECTED = 'a memory quantity of 96Mi…16Gi, such as 256Mi'

suite('CPU in the form that the API server stores', () => {
  const cases = {
    '250m': '250m',
    '0.25': '250m',
    '1': '1',
    '1000m': '1',
    '1.5': '1500m',
    '10m': '10m',
  }
  for (const [raw, value] of Object.entries(cases)) {
    test(`${raw} is ${value}`, () => {
      assert.deepEqual(parseCpu(raw), { value })
    })
  }
  for (const raw of ['', '9m', '17', '-1', '1e3', '250M', '0x10', ' 1', '1.0001', '99999999']) {
    test(`"${raw}" is refused`, () => {
      assert.deepEqual(parseCpu(raw), { expected: CPU_EXPECTED })
    })
  }
})

suite('memory in the form that the API server stores', () => {
  const cases = {
    '256Mi': '256Mi',
    '1024Mi': '1Gi',
    '0.5Gi': '512Mi',
    '1.5Gi': '1536Mi',
    '500M': '500M',
    '1000M': '1G',
    '200000k': '200M',
    '268435456': '268435456',
  }
  for (const [raw, value] of Object.entries(cases)) {
    test(`${raw} is ${value}`, () => {
      assert.deepEqual(parseMemory(raw), { value })
    })
  }
  for (const raw of ['', '1', '64Mi', '17Gi', '1Ti', '256mi', '256 Mi', '-1Gi', '1e9']) {
    test(`"${raw}" is refused`, () => {
      assert.deepEqual(parseMemory(raw), { expected: MEMORY_EXPECTED })
    })
  }
})

suite('quantities of any resource, in billionths', () => {
  const cases: readonly (readonly [raw: unknown, expected: bigint | undefined])[] = [
    ['1', 1_000_000_000n],
    [3, 3_000_000_000n],
    ['250m', 250_000_000n],
    ['0.1', 100_000_000n],
    ['.5', 500_000_000n],
    ['5.', 5_000_000_000n],
    ['1Ki', 1_024_000_000_000n],
    ['1.5Gi', 1_610_612_736_000_000_000n],
    ['8Ei', 9_223_372_036_854_775_808_000_000_000n],
    ['1E', 1_000_000_000_000_000_000_000_000_000n],
    ['1e3', 1_000_000_000_000n],
    ['12E-1', 1_200_000_000n],
    ['100n', 100n],
    ['0.1n', 1n],
    ['-1', -1_000_000_000n],
    ['', undefined],
    ['.', undefined],
    ['1 Gi', undefined],
    ['1gi', undefined],
    ['0x10', undefined],
    [null, undefined],
    ['9'.repeat(1000), undefined],
  ]
  for (const [raw, expected] of cases) {
    test(`${JSON.stringify(raw).slice(0, 20)}: ${String(expected)}`, () => {
      assert.equal(parseQuantity(raw), expected)
    })
  }
})
