import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { hostSensor } from '../../../../sidecar/sensor/host-sensor.ts'
import type { DnsQueries, Records } from '../../../../sidecar/sensor/resolve-host.ts'
import { runSource, type SensorsSeen } from '../../../helpers/sensor-probe.ts'

/** What the servers answer to the n-th look-up: A records, or an error. */
type Script = readonly (Records | Error)[]

function dnsError(code: string): Error {
  return Object.assign(new Error(`queryA ${code} zeek.example.org`), { code })
}

interface Run {
  readonly seen: SensorsSeen
  readonly pauses: number[]
  /** Resolves when all of the script was asked. */
  readonly done: Promise<undefined>
}

/** Looks up until the script is used up; pauses take no time. */
function run(t: TestContext, script: Script, own: readonly string[] = ['10.9.9.9']): Run {
  const pauses: number[] = []
  const done = Promise.withResolvers<undefined>()
  let asked = 0
  const dns: DnsQueries = {
    resolve4: () => {
      const answer = script[asked] ?? dnsError('ENOTFOUND')
      asked += 1
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
    resolve6: () => Promise.reject(dnsError('ENODATA')),
    lookup: () => Promise.reject(dnsError('ENOTFOUND')),
  }
  const source = hostSensor({
    host: 'zeek.example.org',
    port: 4789,
    ownAddresses: () => own,
    dns,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      pauses.push(ms)
      if (asked < script.length) return
      done.resolve(undefined)
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    },
  })
  return { seen: runSource(t, source), pauses, done: done.promise }
}

const a = (address: string, ttl = 30): Records => [{ address, ttl }]

test(
  'a host is looked up again when its time to live has passed, within bounds',
  { timeout: 5000 },
  async (t) => {
    const script = [a('10.0.0.1', 30), a('10.0.0.1', 0), a('10.0.0.2', 86400)]

    const { seen, pauses, done } = run(t, script)
    await done

    assert.deepEqual(seen.sensors, [
      ['zeek.example.org 10.0.0.1:4789 -'],
      ['zeek.example.org 10.0.0.2:4789 -'],
    ])
    assert.deepEqual(pauses, [30_000, 1_000, 60_000])
  },
)

test(
  'all addresses of a host are sensors, in whatever order they arrive',
  { timeout: 5000 },
  async (t) => {
    const [one, two] = [a('10.0.0.1'), a('10.0.0.2')]

    const { seen, done } = run(t, [
      [...two, ...one],
      [...one, ...two],
    ])
    await done

    assert.deepEqual(seen.sensors, [
      ['zeek.example.org 10.0.0.1:4789 -', 'zeek.example.org 10.0.0.2:4789 -'],
    ])
  },
)

test('the last good answer stays while look-ups fail', { timeout: 5000 }, async (t) => {
  const script = [a('10.0.0.1'), dnsError('ETIMEOUT'), dnsError('ESERVFAIL'), a('10.0.0.1')]

  const { seen, pauses, done } = run(t, script)
  await done

  assert.deepEqual(seen.sensors, [['zeek.example.org 10.0.0.1:4789 -']])
  assert.deepEqual(seen.errors, [
    '1: SENSOR: cannot resolve zeek.example.org: queryA ENOTFOUND zeek.example.org',
    '2: SENSOR: cannot resolve zeek.example.org: queryA ENOTFOUND zeek.example.org',
  ])
  assert.equal(seen.recoveries, 1)
  assert.deepEqual(pauses, [30_000, 500, 1_000, 30_000])
})

test('a name that vanishes has no sensors until it is back', { timeout: 5000 }, async (t) => {
  const gone = dnsError('ENOTFOUND')
  const script = [a('10.0.0.1'), gone, gone, gone, gone, gone, a('10.0.0.1')]

  const { seen, pauses, done } = run(t, script)
  await done

  const known = ['zeek.example.org 10.0.0.1:4789 -']
  assert.deepEqual(seen.sensors, [known, [], known])
  assert.equal(
    seen.errors[0],
    '1: SENSOR: cannot resolve zeek.example.org: there is no such name, or it has no address',
  )
  assert.equal(seen.recoveries, 1)
  assert.deepEqual(pauses, [30_000, 500, 1000, 2000, 2500, 2500, 30_000])
})

test(
  'addresses of a family that the pod does not have are refused with the reason',
  { timeout: 5000 },
  async (t) => {
    const { seen, done } = run(t, [a('10.0.0.1')], ['fd00::99'])
    await done

    assert.deepEqual(seen.sensors, [])
    assert.deepEqual(seen.errors, [
      '1: SENSOR: cannot resolve zeek.example.org: ' +
        'it has only 10.0.0.1, and this pod no address of that family',
    ])
  },
)

test(
  'an answer that is no address of a host is an error, and the last good one stays',
  { timeout: 5000 },
  async (t) => {
    const { seen, done } = run(t, [a('10.0.0.1'), a('0.0.0.0')])
    await done

    assert.deepEqual(seen.sensors, [['zeek.example.org 10.0.0.1:4789 -']])
    assert.deepEqual(seen.errors, [
      '1: SENSOR: cannot resolve zeek.example.org: 0.0.0.0 is not the IP address of a host',
    ])
  },
)
