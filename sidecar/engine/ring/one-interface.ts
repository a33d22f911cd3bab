import { AppError } from '../../../lib/errors.ts'
import type { Attachment } from './attachment.ts'
import * as native from './native.ts'
import { packetSocketAddress } from './socket-address.ts'

const ARPHRD_ETHER = 1
const ARPHRD_LOOPBACK = 772

/** Attaches a capture to the interface that bears a name at the moment. */
export class OneInterface implements Attachment {
  readonly interfaces = []
  readonly eventFd = -1
  readonly title: string
  readonly #fd: number
  #index = 0

  /** For the packet socket `fd`. */
  constructor(fd: number, name: string) {
    this.#fd = fd
    this.title = name
  }

  /** Binds if that is not done yet, or if another interface bears the name by now. */
  attach(): string | undefined {
    const name = this.title
    const index = native.interfaceIndex(name)
    if (index === 0) {
      this.#index = 0
      return `interface ${name} is missing`
    }
    if (index !== this.#index) {
      requireEthernet(name, native.hardwareType(this.#fd, name))
      const address = packetSocketAddress(index)
      if (native.bind(this.#fd, address, address.length) !== 0) {
        return `interface ${name}: ${native.errnoName(native.lastErrno())}`
      }
      this.#index = index
    }
    return native.isInterfaceUp(this.#fd, name) ? undefined : `interface ${name} is down`
  }

  onEvent(): boolean {
    return false
  }
}

function requireEthernet(name: string, type: number): void {
  if (type === ARPHRD_ETHER || type === ARPHRD_LOOPBACK || type === -1) return
  throw new AppError(
    'ERR_INTERFACE',
    `interface ${name}: expected Ethernet, which VXLAN carries, received hardware type ${type}`,
  )
}
