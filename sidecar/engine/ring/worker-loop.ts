/**
 * The engine's thread. It waits in poll(2) for frames or a command, so that it costs nothing while
 * nothing happens, and never returns to an event loop in between.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { DROP_REASONS, type DropReason } from '../../contract.ts'
import type { EngineState } from '../engine.ts'
import { Batch } from './batch.ts'
import { Capture, type CaptureParts } from './capture.ts'
import { CopyFinder } from './copy-finder.ts'
import { excludedAddresses } from './excluded-addresses.ts'
import { WorkDebug } from './work-debug.ts'
import type { InterfaceRules } from '../../interfaces/choose-interfaces.ts'
import { createFrame, type CapturedFrame } from './captured-frame.ts'
import { ErrorQueue } from './error-queue.ts'
import { LAYOUT } from './layout.ts'
import { UdpLanes } from './lanes.ts'
import { MAX_MESSAGES, MAX_MESSAGE_PIECES, Messages } from './messages.ts'
import { mirrorFrame } from './mirror-frame.ts'
import * as native from './native.ts'
import {
  COUNTER,
  destinationCounter,
  RESOURCE,
  type Command,
  type Report,
  type RingOptions,
} from './ring-options.ts'
import type { PortSockets } from './port-sockets.ts'
import { Runs } from './runs.ts'
import { Sender } from './sender.ts'

const EFD_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000
const POLLIN = 1
const POLLERR = 8

/** How often the interface, the kernel's drops and the path are looked at, in milliseconds. */
const CHECK_MS = { capturing: 1000, waiting: 100 }

/** Blocks that are read before they are sent and given back: long runs, but never most of the ring. */
const BLOCKS_AT_ONCE = 4

/** Pieces that are worth sending without waiting for more. */
const PIECES_AT_ONCE = 2048

/** What is there before the loop begins. */
export interface LoopParts extends CaptureParts {
  readonly sockets: PortSockets
  /** Where commands come from and reports go to. */
  readonly port: MessagePort
}

/** Captures and sends until it is told to stop. */
export class WorkerLoop {
  readonly #port: MessagePort
  readonly #counters: Float64Array
  readonly #capture: Capture
  readonly #lanes: UdpLanes
  readonly #batch: Batch
  readonly #sender: Sender
  readonly #frame: CapturedFrame
  readonly #wakeFd: number
  readonly #copies: CopyFinder | undefined
  readonly #debug: WorkDebug
  #state: EngineState = 'stopped'
  #running = true
  #tellsFrames = false
  #nextCheck = 0

  /** @throws AppError ERR_CAPTURE. */
  constructor(options: RingOptions, { sockets, port, ...parts }: LoopParts) {
    this.#port = port
    this.#counters = new Float64Array(options.counters)
    this.#capture = new Capture(options, parts)
    const { memory } = this.#capture
    this.#wakeFd = native.eventfd(0, EFD_CLOEXEC_NONBLOCK)
    new Float64Array(options.resources)[RESOURCE.wakeFd] = this.#wakeFd
    this.#lanes = new UdpLanes(sockets, {
      fit: options.fit,
      withRuns: !options.withoutRuns,
    })
    this.#batch = new Batch(memory, LAYOUT.headers, options.vni)
    this.#frame = createFrame(memory.bytes)
    this.#sender = new Sender({
      lanes: this.#lanes,
      errors: new ErrorQueue(),
      runs: new Runs(this.#lanes.fd.length),
      messages: new Messages(memory, LAYOUT.messages, MAX_MESSAGES, MAX_MESSAGE_PIECES),
      single: new Messages(memory, LAYOUT.single, 1, 1),
      counters: this.#counters,
    })
    this.#copies = options.dedupLocal ? new CopyFinder(this.#capture.ring) : undefined
    this.#debug = new WorkDebug(options, (line) => {
      this.#report({ kind: 'debug', line })
    })
    this.#counters[COUNTER.ringBlocks] = options.ring.blocks
    this.#writePollRequest()
  }

  /** Returns when it was told to stop; what was captured until then is sent. */
  run(): void {
    this.#obey()
    this.#check()
    while (this.#running) {
      this.#wait()
      this.#obey()
      this.#drain()
      if (Date.now() >= this.#nextCheck) this.#check()
    }
    this.#drain()
    this.#countDrops()
  }

  /** struct pollfd: fd(4) events(2) returned events(2); for frames, commands and interfaces (poll() skips -1). */
  #writePollRequest(): void {
    const { words } = this.#capture.memory
    const at = LAYOUT.poll >>> 2
    words[at] = this.#capture.fd
    words[at + 1] = POLLIN | POLLERR
    words[at + 2] = this.#wakeFd
    words[at + 3] = POLLIN
    words[at + 4] = this.#capture.interfaces.eventFd
    words[at + 5] = POLLIN
  }

  #wait(): void {
    const { memory } = this.#capture
    const timeout = Math.max(0, this.#nextCheck - Date.now())
    native.poll(memory.address + LAYOUT.poll, 3, timeout)
    const at = LAYOUT.poll >>> 2
    // An error stays until it is read, and would make every further poll() return at once.
    if ((((memory.words[at + 1] ?? 0) >>> 16) & POLLERR) !== 0) this.#check()
    if ((memory.words[at + 3] ?? 0) >>> 16 !== 0) {
      native.read(this.#wakeFd, memory.address + LAYOUT.wake, 8)
    }
    const hasEvent = (memory.words[at + 5] ?? 0) >>> 16 !== 0
    if (hasEvent && this.#capture.interfaces.onEvent()) this.#check()
  }

  #obey(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: Command } | undefined
      if (received === undefined) return
      const { message } = received
      if (message.kind === 'stop') this.#running = false
      else if (message.kind === 'filter') this.#refilter(message)
      else if (message.kind === 'rules') this.#choose(message.rules)
      else if (message.kind === 'excluded') this.#exclude(message.addresses)
      else this.#retarget(message)
    }
  }

  #choose(rules: InterfaceRules): void {
    this.#capture.interfaces.setRules?.(rules)
    this.#check()
  }

  #exclude(addresses: readonly string[]): void {
    this.#capture.filter.change({ addresses: excludedAddresses(addresses) })
  }

  #retarget({ targets }: Extract<Command, { kind: 'targets' }>): void {
    this.#drain()
    // What is said about datagrams sent by now is about the destinations of now.
    this.#sender.noteErrors()
    this.#lanes.retarget(targets)
    this.#lanes.refresh()
    this.#notePaths()
  }

  #refilter({ instructions }: Extract<Command, { kind: 'filter' }>): void {
    this.#capture.filter.change({ expression: instructions })
    this.#report({ kind: 'filtered' })
  }

  #notePaths(): void {
    for (const [index, { slot }] of this.#lanes.targets.entries()) {
      this.#counters[destinationCounter(slot, 'pathMtu')] = this.#lanes.pathMtuOf(index)
    }
  }

  /** Mirrors what is in the ring, at most the ring once: commands must not wait for ever. */
  #drain(): void {
    const { ring } = this.#capture
    const ready = ring.readyBlocks()
    if (ready > (this.#counters[COUNTER.ringPeak] ?? 0)) this.#counters[COUNTER.ringPeak] = ready
    for (let block = 0; block < ready && ring.openBlock(); block++) {
      this.#readBlock()
      if (ring.heldBlocks >= BLOCKS_AT_ONCE || this.#batch.pieces >= PIECES_AT_ONCE) this.#flush()
    }
    this.#flush()
  }

  #readBlock(): void {
    const { ring } = this.#capture
    const frame = this.#frame
    let frames = 0
    let bytes = 0
    this.#copies?.tick()
    const began = this.#debug.beginBlock()
    this.#tellsFrames = this.#debug.wantsFrames
    for (let wire = ring.nextFrame(frame); wire !== -1; wire = ring.nextFrame(frame)) {
      frames++
      bytes += frame.end - frame.start
      this.#mirror(frame, wire)
    }
    this.#add(COUNTER.capturedFrames, frames)
    this.#add(COUNTER.capturedBytes, bytes)
    this.#debug.endBlock(began, frames, bytes)
  }

  #mirror(frame: CapturedFrame, wireBytes: number): void {
    if (this.#tellsFrames) this.#debug.frame(frame)
    if (frame.end - frame.start < wireBytes) this.#drop('truncated', 1)
    else if (!this.#lanes.isOpen) this.#drop('no-sensor', 1)
    else if (this.#copies?.isCopy(frame) === true) this.#drop('duplicate', 1)
    else {
      if (!this.#batch.hasRoom()) this.#sender.send(this.#batch)
      if (!mirrorFrame(this.#batch, frame, this.#lanes)) this.#drop('too-long', 1)
    }
  }

  #flush(): void {
    this.#sender.send(this.#batch)
    this.#debug.afterSend()
    this.#capture.ring.releaseBlocks()
  }

  #check(): void {
    const problem = this.#capture.attach()
    this.#countDrops()
    const state = problem === undefined ? 'capturing' : 'waiting'
    if (state !== this.#state) {
      if (this.#state === 'capturing') this.#add(COUNTER.interruptions, 1)
      this.#state = state
      this.#lanes.distrust()
      const reason = problem ?? `capturing on ${this.#capture.interfaces.title}`
      this.#report({ kind: 'state', state, reason })
    }
    this.#sender.noteErrors()
    this.#lanes.refresh()
    this.#notePaths()
    this.#nextCheck = Date.now() + CHECK_MS[state]
  }

  #countDrops(): void {
    const drops = this.#capture.takeDrops()
    // It was full, if only between two looks at it.
    if (drops > 0) this.#counters[COUNTER.ringPeak] = this.#counters[COUNTER.ringBlocks] ?? 0
    this.#add(COUNTER.capturedFrames, drops)
    this.#drop('kernel', drops)
  }

  #drop(reason: DropReason, frames: number): void {
    this.#add(COUNTER.firstDrop + DROP_REASONS.indexOf(reason), frames)
  }

  #add(counter: number, amount: number): void {
    this.#counters[counter] = (this.#counters[counter] ?? 0) + amount
  }

  #report(report: Report): void {
    this.#port.postMessage(report)
  }
}
