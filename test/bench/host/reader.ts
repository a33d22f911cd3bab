/**
 * Captures several interfaces in one of WAYS, with the engine's own code, and reads the frames without
 * sending them anywhere. Arguments: the way, then the interfaces.
 */
import { createInterface } from 'node:readline'
import { VXLAN_PORT } from '../../../sidecar/contract.ts'
import { allocateMemory } from '../../../sidecar/engine/ring/allocate-memory.ts'
import type { AttachmentFactory } from '../../../sidecar/engine/ring/attachment.ts'
import { Capture, captureBytes } from '../../../sidecar/engine/ring/capture.ts'
import { createFrame, type CapturedFrame } from '../../../sidecar/engine/ring/captured-frame.ts'
import type { RingSize } from '../../../sidecar/engine/ring/capture-ring.ts'
import { ChosenInterfaces } from '../../../sidecar/engine/ring/chosen-interfaces.ts'
import { memoryOver } from '../../../sidecar/engine/ring/memory.ts'
import * as native from '../../../sidecar/engine/ring/native.ts'
import { OneInterface } from '../../../sidecar/engine/ring/one-interface.ts'
import { ringFilter } from '../../../sidecar/engine/ring/ring-filter.ts'
import {
  DEFAULT_RING,
  sharedCounters,
  sharedResources,
  type RingOptions,
} from '../../../sidecar/engine/ring/ring-options.ts'
import type { ReadAnswer, ReadRequest, Way } from './protocol.ts'

const POLLIN = 1

/** How long poll() waits at most. */
const POLL_MS = 50

const PAGE_BYTES = 4096

const [way, ...names] = process.argv.slice(2) as [Way, ...string[]]
const ring = ringSize(way, names.length)
const captures = await openAll()
const readers: Reader[] = captures.map((capture) => {
  return { capture, frame: createFrame(capture.memory.bytes) }
})
const poll = pollRequest(captures.map(({ fd }) => fd))

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line) as ReadRequest))}\n`)
}

interface Reader {
  readonly capture: Capture
  readonly frame: CapturedFrame
}

function answer({ ms, pauseMs = 0 }: ReadRequest): ReadAnswer {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
  const began = process.cpuUsage()
  const frames = readFor(ms)
  const { user, system } = process.cpuUsage(began)
  const lost = captures.reduce((sum, capture) => sum + capture.takeDrops(), 0)
  return {
    frames,
    lost,
    cpuUs: user + system,
    ringBytes: captures.length * ring.blockBytes * ring.blocks,
    longestBytes: ring.blockBytes,
    residentBytes: process.memoryUsage.rss(),
  }
}

/** As the engine does it: waits for blocks, reads every frame of those that are there, gives them back. */
function readFor(ms: number): number {
  const end = performance.now() + ms
  let frames = 0
  while (performance.now() < end) {
    native.poll(poll.memory.address, captures.length, POLL_MS)
    for (const [index, reader] of readers.entries()) {
      if ((poll.memory.words[index * 2 + 1] ?? 0) >>> 16 !== 0) frames += readBlocks(reader)
    }
  }
  return frames
}

function readBlocks({ capture: { ring }, frame }: Reader): number {
  let frames = 0
  while (ring.openBlock()) {
    while (ring.nextFrame(frame) !== -1) frames++
    ring.releaseBlocks()
  }
  return frames
}

/** struct pollfd each: fd(4) events(2) returned events(2). */
function pollRequest(descriptors: readonly number[]) {
  const length = Math.ceil((descriptors.length * 8) / PAGE_BYTES) * PAGE_BYTES
  const address = native.mapAnonymous(length)
  const memory = memoryOver(native.viewMemory(address, length), address)
  for (const [index, fd] of descriptors.entries()) memory.words.set([fd, POLLIN], index * 2)
  return { memory }
}

async function openAll(): Promise<Capture[]> {
  const rules = { names, include: [], exclude: [], any: false }
  const opened = way === 'one socket' ? [''] : names
  const filter = await ringFilter({ ...optionsFor(''), interfaces: rules }, { first: 1, last: 1 })
  const listener = { onChange: () => undefined }
  return opened.map((name) => {
    const { memory } = allocateMemory(captureBytes(ring))
    const attachTo: AttachmentFactory = (fd, onFilter) =>
      name === ''
        ? new ChosenInterfaces(fd, rules, { ...listener, onFilter })
        : new OneInterface(fd, name)
    const capture = new Capture(optionsFor(name), { memory, filter, attachTo })
    const problem = capture.attach()
    if (problem !== undefined) throw new Error(problem)
    return capture
  })
}

/** Within the bound of the one ring there are at least two blocks: one fills while the other is read. */
function ringSize(way: Way, count: number): RingSize {
  const { blockBytes, blocks } = DEFAULT_RING
  if (way === 'one socket') return DEFAULT_RING
  if (way === 'long ring each') return { ...DEFAULT_RING, blocks: 2 }
  const share = (blockBytes * blocks) / count
  const block = Math.min(blockBytes, 2 ** Math.floor(Math.log2(share / 2)))
  return { ...DEFAULT_RING, blockBytes: block, blocks: Math.floor(share / block) }
}

function optionsFor(interfaceName: string): RingOptions {
  return {
    interfaceName,
    dedupLocal: false,
    excluded: [],
    debug: new SharedArrayBuffer(4),
    vni: 1,
    filter: 'ether proto 0x88b5',
    sensorPort: VXLAN_PORT,
    sourcePorts: 1,
    ring,
    fit: 'split',
    counters: sharedCounters().buffer,
    resources: sharedResources().buffer,
    withoutRuns: false,
    withoutVnetHeader: false,
  }
}
