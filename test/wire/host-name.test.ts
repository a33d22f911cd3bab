/** A sensor that is known by its host name, against a real DNS server. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { after, afterEach, before, beforeEach, suite } from 'node:test'
import { concat, ethernet, number } from '../helpers/frames.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { TTL_SECONDS, WireDns } from '../helpers/wire-dns.ts'
import { TEST_ETHER_TYPE } from '../helpers/wire-frames.ts'
import { HOSTS, Wire } from '../helpers/wire.ts'

const NAME = 'zeek.example.test'
const PODTAP = join(import.meta.dirname, '../../cli/main.ts')

/** Runs a program that has another resolv.conf than this machine. */
const WITH_RESOLV_CONF = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'

/** Longest time until a change is known, in milliseconds: the time to live, and a loaded machine's share. */
const KNOWN_MS = TTL_SECONDS * 1000 + 8000

suite('a sensor with a host name', { timeout: 120_000 }, () => {
  let wire: Wire
  let dns: WireDns
  let lines: string[]

  before(async () => {
    wire = await Wire.open()
  })
  beforeEach(async () => {
    lines = []
    dns = await WireDns.start(wire, 'client')
  })
  afterEach(() => wire.endProcesses())
  after(() => wire.close())

  function mirror(): void {
    const settings = ['--interface', 'eth0', '--sensor', NAME, '--filter', 'ether proto 0x88b5']
    const program = [process.execPath, PODTAP, 'mirror', ...settings]
    const shell = ['unshare', '--mount', 'sh', '-c', WITH_RESOLV_CONF, dns.resolvConf]
    const child = wire.start('pod', 'env', ...shell, ...program)
    child.stderr!.pipe(process.stderr)
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line))
  }

  /** Waits for a line after the first `from`; returns how many lines there were with it. */
  async function says(pattern: RegExp, from = 0): Promise<number> {
    const index = await until(
      () => `${pattern.source} after line ${from} of\n${lines.join('\n')}`,
      () => {
        const found = lines.findIndex((line, place) => place >= from && pattern.test(line))
        return found !== -1 && found + 1
      },
      KNOWN_MS,
    )
    return index
  }

  async function arriving(filter: string): Promise<void> {
    const capture = await WireCapture.start(
      wire,
      'sensor',
      'eth0',
      `udp dst port 4789 and ${filter}`,
    )
    await until(
      () => `frames by ${filter}`,
      async () => {
        await wire.sendFrames('client', [frame()])
        return capture.frames().length > 0
      },
    )
    await capture.stop()
  }

  test('its A record is sent to, and asked for again when the time to live has passed', async () => {
    await dns.set(NAME, HOSTS.sensor.ipv4)
    mirror()

    await says(new RegExp(`sensor found: .*address=${HOSTS.sensor.ipv4} `))
    await arriving(`dst host ${HOSTS.sensor.ipv4}`)
    const asked = await until(
      () => 'three look-ups',
      () => {
        const times = dns.questions.filter(({ type }) => type === 'A').map(({ at }) => at)
        return times.length >= 3 && times
      },
      3 * KNOWN_MS,
    )
    // Without a time to live it would be 2 seconds; a loaded machine reads the server's log late.
    assert.ok(asked[2]! - asked[0]! > 1500 * TTL_SECONDS, `look-ups at ${asked.join(', ')} ms`)
  })

  test('its AAAA record is sent to where it has no other', async () => {
    await dns.set(NAME, HOSTS.sensor.ipv6)
    mirror()

    await says(new RegExp(`sensor found: .*address=${HOSTS.sensor.ipv6} `))
    await arriving(`dst host ${HOSTS.sensor.ipv6}`)
  })

  test('another address is followed, one of many is chosen and kept', async () => {
    await dns.set(NAME, HOSTS.client.ipv4)
    mirror()
    let seen = await says(new RegExp(`sensor found: .*address=${HOSTS.client.ipv4} `))

    await dns.set(NAME, HOSTS.sensor.ipv4)
    seen = await says(new RegExp(`sensor changed: .*address=${HOSTS.sensor.ipv4} `), seen)

    await dns.set(NAME, HOSTS.sensor.ipv4, HOSTS.sensor.ipv6)
    await asksAgain()
    assert.deepEqual(lines.slice(seen), [])
    await arriving(`dst host ${HOSTS.sensor.ipv4}`)
  })

  test('a name that vanishes leaves no sensor, and one that comes back is found', async () => {
    await dns.set(NAME, HOSTS.sensor.ipv4)
    mirror()
    let seen = await says(/sensor found/)

    await dns.set(NAME)
    seen = await says(/warn: no sensor: frames are dropped and counted/, seen)
    seen = await says(/looking for sensors fails: .*there is no such name, or it has no addr/, seen)

    await dns.set(NAME, HOSTS.sensor.ipv4)
    await says(/sensor found/, seen)
    await arriving(`dst host ${HOSTS.sensor.ipv4}`)
  })

  test('while the server is away, the last address is sent to', async () => {
    await dns.set(NAME, HOSTS.sensor.ipv4)
    mirror()
    let seen = await says(/sensor found/)

    await dns.stop()
    seen = await says(/looking for sensors fails: .*cannot resolve zeek.example.test/, seen)
    await arriving(`dst host ${HOSTS.sensor.ipv4}`)
    dns = await WireDns.start(wire, 'client')
    await dns.set(NAME, HOSTS.sensor.ipv4)

    await says(/looking for sensors works again/, seen)
    assert.deepEqual(
      lines.filter((line) => /no sensor|sensor changed/.test(line)),
      [],
    )
  })

  /** Waits for a look-up that begins after this. */
  async function asksAgain(): Promise<void> {
    const { length } = dns.questions
    await until(
      () => 'another two look-ups',
      () => dns.questions.slice(length).filter(({ type }) => type === 'A').length >= 2,
      2 * KNOWN_MS,
    )
  }
})

/** A frame that no kernel answers. */
function frame(): Uint8Array {
  return ethernet(TEST_ETHER_TYPE, concat(number(1, 2), new Uint8Array(44)))
}
