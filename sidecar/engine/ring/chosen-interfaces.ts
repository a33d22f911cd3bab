import { AppError } from '../../../lib/errors.ts'
import { InterfaceChooser, type InterfaceRules } from '../../interfaces/choose-interfaces.ts'
import type { InterfaceChange } from '../engine.ts'
import type { Attachment } from './attachment.ts'
import { BESIDE, CODE, REFUSE, type Instruction } from './instructions.ts'
import { ETHERNET, type Link } from './link-messages.ts'
import { LinkWatch } from './link-watch.ts'
import * as native from './native.ts'
import { numberSet } from './number-set.ts'
import { OUTGOING } from './own-mark.ts'
import { packetSocketAddress } from './socket-address.ts'

/** Told what a choice of interfaces leads to. */
export interface ChoiceListener {
  /** The filter must ask this from now on. */
  onFilter(interfaces: readonly Instruction[]): void
  onChange(change: InterfaceChange): void
}

/**
 * Attaches one packet socket to every interface that is wanted: it is bound to none, so that the
 * kernel hands it the packets of all, and its filter lets those of the chosen ones through. So there
 * is one ring in one bound of memory however many there are, and one that comes or goes is a new
 * filter, swapped in one step, by which the others lose nothing.
 */
export class ChosenInterfaces implements Attachment {
  readonly interfaces: readonly Instruction[] = [REFUSE]
  readonly #fd: number
  readonly #listener: ChoiceListener
  readonly #watch = new LinkWatch()
  #chooser: InterfaceChooser
  #taken: readonly Link[] = []
  #unfit = new Set<string>()
  #missing: readonly string[] = []
  #filteredFor = ''
  #isBound = false

  /** For the packet socket `fd`. @throws AppError ERR_CAPTURE. */
  constructor(fd: number, rules: InterfaceRules, listener: ChoiceListener) {
    this.#fd = fd
    this.#listener = listener
    this.#chooser = new InterfaceChooser(rules)
    this.#watch.read()
  }

  get eventFd(): number {
    return this.#watch.fd
  }

  get title(): string {
    const names = this.#taken.map(({ name }) => name)
    if (names.length <= 4) return names.join(', ')
    return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more interfaces`
  }

  attach(): string | undefined {
    if (!this.#isBound) this.#bind()
    if (this.#taken.some(({ isUp }) => isUp)) return undefined
    const missing = this.#missing.map((name) => `interface ${name} is missing`)
    const down = this.#taken.map(({ name }) => `interface ${name} is down`)
    const problems = [...missing, ...down].slice(0, 3)
    return problems.join(', ') || `no interface is chosen among ${this.#describeAll()}`
  }

  onEvent(): boolean {
    this.#watch.read()
    return this.#choose()
  }

  setRules(rules: InterfaceRules): void {
    this.#chooser = new InterfaceChooser(rules)
    this.#choose()
  }

  /** The filter refuses everything until the first choice, so nothing unwanted can enter before it. */
  #bind(): void {
    const all = packetSocketAddress(0)
    if (native.bind(this.#fd, all, all.length) !== 0) {
      const errno = native.errnoName(native.lastErrno())
      throw new AppError('ERR_CAPTURE', `cannot capture on all interfaces: ${errno}`)
    }
    this.#isBound = true
    this.#choose()
  }

  #choose(): boolean {
    const before = this.#taken
    const { taken, unfit, missing } = this.#chooser.choose(this.#watch.links.values())
    this.#taken = taken
    this.#missing = missing
    this.#filter()
    const news = unfit.map(({ name }) => name).filter((name) => !this.#unfit.has(name))
    this.#unfit = new Set(unfit.map(({ name }) => name))
    const change = {
      taken: namesWithout(taken, before),
      left: namesWithout(before, taken),
      unfit: news,
      count: taken.length,
    }
    const isNews = change.taken.length + change.left.length + change.unfit.length > 0
    if (isNews) this.#listener.onChange(change)
    return isNews || isUpChanged(before, taken)
  }

  #filter(): void {
    const isAll = this.#chooser.wantsAll
    const wanted = isAll ? 'all' : this.#taken.map(({ index }) => index).join()
    if (wanted === this.#filteredFor) return
    this.#filteredFor = wanted
    this.#listener.onFilter(isAll ? ETHERNET_ONLY : onlyLinks(this.#taken))
  }

  #describeAll(): string {
    const names = [...this.#watch.links.values()].map(({ name }) => name)
    const shown = names.slice(0, 10).join(', ') || 'none'
    return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown
  }
}

/** Where everything is wanted, an interface is captured from its first packet on. */
const ETHERNET_ONLY: readonly Instruction[] = [
  [CODE.loadWord, 0, 0, BESIDE.hardwareType],
  [CODE.jumpIfEqual, 1, 0, ETHERNET],
  REFUSE,
]

/** On a loopback interface every packet passes twice: going out and coming in. */
function onlyLinks(links: readonly Link[]): Instruction[] {
  const loopbacks = links.filter(({ isLoopback }) => isLoopback)
  const load: Instruction = [CODE.loadWord, 0, 0, BESIDE.interfaceIndex]
  return [
    ...loopbacks.flatMap<Instruction>(({ index }) => [
      load,
      [CODE.jumpIfEqual, 0, 3, index],
      [CODE.loadWord, 0, 0, BESIDE.packetType],
      [CODE.jumpIfEqual, 0, 1, OUTGOING],
      REFUSE,
    ]),
    load,
    ...numberSet(
      links.map(({ index }) => index),
      'pass',
    ),
  ]
}

/** By index and name: an interface that was renamed, or made anew, is another one. */
function namesWithout(links: readonly Link[], others: readonly Link[]): string[] {
  const known = new Set(others.map(({ index, name }) => `${index} ${name}`))
  return links.filter(({ index, name }) => !known.has(`${index} ${name}`)).map(({ name }) => name)
}

function isUpChanged(before: readonly Link[], after: readonly Link[]): boolean {
  return before.some(({ isUp }) => isUp) !== after.some(({ isUp }) => isUp)
}
