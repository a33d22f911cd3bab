/** `podtap tap`: the frames of a pod in a real cluster as a capture file. */
import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import {
  FOREIGN_CLUSTER,
  kubectl,
  processesOfContainer,
  sidecarStatus,
  until,
  type Pod,
} from '../helpers/cluster.ts'
import { readPcapFile } from '../helpers/pcap-file.ts'
import {
  APPS,
  SensorPods,
  addListener,
  addTalker,
  clusterClient,
  closeNamespaces,
  openNamespaces,
} from '../helpers/sensor-pods.ts'

const PODTAP = join(import.meta.dirname, '../../cli/main.ts')
const TALK = 'udp port 9000'

suite('tap', { timeout: 300_000 }, () => {
  const client = clusterClient()
  const sensors = new SensorPods(client)
  const folder = mkdtempSync(join(tmpdir(), 'podtap-tap-'))
  const file = join(folder, 'tap.pcap')
  let talker: Pod

  before(async () => {
    const nodes = await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')
    const [here = '', there = here] = nodes.split(' ')
    await openNamespaces()
    const target = await addListener(there)
    await sensors.add('near', here)
    talker = await addTalker('talker', here, { target })
    await sensors.seenBy('near', 0)
  })
  after(async () => {
    sensors.close()
    client.close()
    rmSync(folder, { recursive: true })
    await closeNamespaces()
  })

  test('its file is equal to that of tcpdump in the pod', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the nodes are not this machine')
      return
    }
    const other = join(folder, 'tcpdump.pcap')
    const tcpdump = await startTcpdump(talker, other)
    const since = Date.now()
    const { stdout, stderr } = await tap('--filter', TALK, '--count', '200', '-w', file)
    const tapped = readPcapFile(file).map(asText)
    await until('the last frame in the file of tcpdump', () => {
      return Promise.resolve(readPcapFile(other).map(asText).includes(tapped.at(-1)!))
    })
    tcpdump.kill('SIGINT')
    await once(tcpdump, 'exit')

    assert.equal(stdout, '')
    assert.match(stderr, /^200 frames written, 0 lost for want of room$/m)
    const dumped = readPcapFile(other).map(asText)
    const first = dumped.indexOf(tapped[0]!)
    assert.deepEqual(tapped, dumped.slice(first, first + 200))
    assert.ok(first >= 0)
    await sensors.seenBy('near', since)
  })

  test('tshark reads what it writes to standard output', async () => {
    const shell = `"$0" "$1" tap talker -n ${APPS} --filter '${TALK}' --count 50 -w - | tshark -r - -T fields -e udp.dstport`
    const { stdout } = await promisify(execFile)('bash', ['-c', shell, process.execPath, PODTAP])

    assert.deepEqual(
      stdout.trim().split('\n'),
      Array.from({ length: 50 }, () => '9000'),
    )
  })

  test('what podtap sends to the sensor is left out', async () => {
    await tap('--duration', '3s', '-w', file)

    const frames = readPcapFile(file).map(asText)
    const isMirrored = (frame: string): boolean => frame.slice(72, 76) === '12b5'
    assert.ok(frames.length > 100, `${frames.length} frames`)
    assert.deepEqual(frames.filter(isMirrored), [])
  })

  test('it ends in the pod when nobody reads it any more', async (t) => {
    if (FOREIGN_CLUSTER) {
      t.skip('the nodes are not this machine')
      return
    }
    const id = sidecarStatus(talker)!.containerID.split('//')[1]!
    const before = processesOfContainer(id).length
    const reader = spawn(process.execPath, [PODTAP, 'tap', 'talker', '-n', APPS, '-w', file])
    await until('a tap in the pod', () => Promise.resolve(processesOfContainer(id).length > before))
    reader.kill('SIGKILL')

    await until('no tap in the pod', () =>
      Promise.resolve(processesOfContainer(id).length === before),
    )
  })

  test('wrong use is said in one line', async () => {
    const lines = await Promise.all([
      failure('tap', 'listener', '-n', APPS, '-w', file),
      failure('tap', 'nobody', '-n', APPS, '-w', file),
      failure('tap', 'talker', '-n', APPS, '-w', file, '--filter', 'no such thing'),
      failure('tap', 'talker', '-n', APPS, '-w', '/nowhere/x'),
      failure('tap', 'talker', '-n', APPS, '-w', file, '--interface', 'eth7'),
    ])

    assert.match(
      lines[0],
      /^podtap: pod listener: it has no sidecar: see podtap status for why not$/,
    )
    assert.match(lines[1], /^podtap: there is no pod nobody in the namespace /)
    assert.match(lines[2], /podtap: filter "no such thing": expected a pcap-filter expression/)
    assert.match(lines[3], /^podtap: cannot write \/nowhere\/x: ENOENT/)
    assert.match(lines[4], /podtap: cannot capture: interface eth7: /)
  })

  async function tap(...args: string[]): Promise<{ stdout: string; stderr: string }> {
    const command = [PODTAP, 'tap', 'talker', '-n', APPS, ...args]
    return promisify(execFile)(process.execPath, command, { timeout: 60_000 })
  }
})

/** The last line that the command says before it fails. */
async function failure(...args: string[]): Promise<string> {
  try {
    await promisify(execFile)(process.execPath, [PODTAP, ...args], { timeout: 60_000 })
  } catch (error) {
    return (error as { stderr: string }).stderr.trim().split('\n').at(-1) ?? ''
  }
  throw new Error(`${args.join(' ')} did not fail`)
}

/** Starts tcpdump in the network of a pod of this machine; resolves when it listens. */
async function startTcpdump(pod: Pod, path: string): Promise<ChildProcess> {
  const id = sidecarStatus(pod)!.containerID.split('//')[1]!
  const [pid] = processesOfContainer(id)
  const options = ['-i', 'eth0', '-n', '-U', '-Z', 'root', '-w', path, TALK]
  const child = spawn('nsenter', [`--target=${pid}`, '--net', 'tcpdump', ...options])
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  await until('tcpdump listens', () => Promise.resolve(said.includes('listening on')))
  return child
}

function asText(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex')
}
