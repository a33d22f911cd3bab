/** A sensor that is known by its host name, against a real DNS server. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { after, afterEach, before, beforeEach, suite } from 'node:test'
import { concat, ethernet, number } from '../helpers/frames.ts'
import { until } from '../helpers/until.ts'
import { WireCapture } from '../helpers/wire-capture.ts'
import { TTL_SECONDS, WireDns } from '../helpers/wire-dns.ts'
import { TEST_ETHER_TYPE } from '../helpers/wire-frames.ts'
import { HOSTS, Wire, type Place } from '../helpers/wire.ts'

const NAME = 'zeek.example.test'
const PODTAP = join(import.meta.dirname, '../../cli/main.ts')
const SIDECAR = join(import.meta.dirname, '../../sidecar/main.ts')

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
    await wire.runOnNode('ip', 'addr', 'add', '10.77.0.254/24', 'dev', 'br0')
  })
  beforeEach(async () => {
    lines = []
    dns = await WireDns.start(wire, 'client')
  })
  afterEach(() => wire.endProcesses())
  after(() => wire.close())

  function mirror(): void {
    const settings = ['--interface', 'eth0', '--sensor', NAME, '--filter', 'ether proto 0x88b5']
    start('pod', [], [PODTAP, 'mirror', ...settings])
  }

  /** Mirrors what passes the client's link from the node, as who has the vendor's environment. */
  function mirrorNode(): void {
    const env = {
      VSENSOR_HOSTNAME: NAME,
      OSSENSOR_NETWORK_DEVICE: 'client',
      OSSENSOR_CONFIG_PATH: join(wire.folder, 'podtap.json'),
      VSENSOR_HMAC_KEY: 'secret',
      BPF: 'ether proto 0x88b5',
    }
    start(
      'node',
      Object.entries(env).map(([name, value]) => `${name}=${value}`),
      [SIDECAR],
    )
  }

  function start(place: Place, env: readonly string[], program: readonly string[]): void {
    const shell = ['unshare', '--mount', 'sh', '-c', WITH_RESOLV_CONF, dns.resolvConf]
    const child = wire.start(place, 'env', ...env, ...shell, process.execPath, ...program)
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

  test('a node waits for a name that does not exist yet: one line, then it mirrors', async () => {
    mirrorNode()

    await says(/"reason":"SENSOR: cannot resolve zeek.example.test: there is no such name, or it/)
    await asksAgain(3)
    const { length } = lines
    await dns.set(NAME, HOSTS.sensor.ipv4)
    await says(/"looking for sensors works again"/)
    await says(new RegExp(`"address":"${HOSTS.sensor.ipv4}",.*"sensor found"`))
    await arriving(`dst host ${HOSTS.sensor.ipv4}`)

    assert.deepEqual(failuresOf(lines.slice(0, length)), 1)
    const written = JSON.parse(readFileSync(join(wire.folder, 'podtap.json'), 'utf8')) as object
    assert.deepEqual(written, { ...written, SENSOR: `host:${NAME}`, VSENSOR_HMAC_KEY: '***' })
  })

  test('a node waits for a name server that does not answer: one line, then it mirrors', async () => {
    await dns.stop()
    mirrorNode()

    await says(/"reason":"SENSOR: cannot resolve zeek.example.test: [^"]*E[A-Z]+/)
    dns = await WireDns.start(wire, 'client')
    await asksAgain()
    await dns.set(NAME, HOSTS.sensor.ipv4)
    await says(new RegExp(`"address":"${HOSTS.sensor.ipv4}",.*"sensor found"`))
    await arriving(`dst host ${HOSTS.sensor.ipv4}`)

    assert.deepEqual(failuresOf(lines), 1)
  })

  /** Waits for so many look-ups that begin after this; the first of them may have begun before. */
  async function asksAgain(times = 1): Promise<void> {
    const { length } = dns.questions
    await until(
      () => `another ${times + 1} look-ups`,
      () => dns.questions.slice(length).filter(({ type }) => type === 'A').length > times,
      (times + 1) * KNOWN_MS,
    )
  }
})

/** How often it is said that a look-up has failed. */
function failuresOf(lines: readonly string[]): number {
  return lines.filter((line) => line.includes('looking for sensors fails')).length
}

/** A frame that no kernel answers. */
function frame(): Uint8Array {
  return ethernet(TEST_ETHER_TYPE, concat(number(1, 2), new Uint8Array(44)))
}
