/** Opens the packet socket and the memory that the engine works in. */
import { AppError } from '../../../lib/errors.ts'
import type { Attachment, AttachmentFactory } from './attachment.ts'
import { CaptureRing, type RingSize } from './capture-ring.ts'
import { excludedAddresses } from './excluded-addresses.ts'
import type { Instruction } from './instructions.ts'
import { LAYOUT } from './layout.ts'
import type { Memory } from './memory.ts'
import * as native from './native.ts'
import { OUTGOING, OWN_MARK, refusals } from './own-mark.ts'
import { RESOURCE, type RingOptions } from './ring-options.ts'
import { AF_PACKET } from './socket-address.ts'
import { SocketFilter } from './socket-filter.ts'

const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000
const SOL_SOCKET = 1
const SO_ERROR = [SOL_SOCKET, 4] as const
const SOL_PACKET = 263
const PACKET_RX_RING = [SOL_PACKET, 5] as const
const PACKET_STATISTICS = [SOL_PACKET, 6] as const
const PACKET_VERSION = [SOL_PACKET, 10] as const
const PACKET_VNET_HDR = [SOL_PACKET, 15] as const
const TPACKET_V3 = 2
const FRAME_BYTES = 2048

/** What a capture is made of. */
export interface CaptureParts {
  /** As much as captureBytes() says; the ring is laid over its end. */
  readonly memory: Memory
  /** Instructions of the capture filter, 8 bytes each (`struct sock_filter`). */
  readonly filter: Uint8Array
  readonly attachTo: AttachmentFactory
}

/** How much memory the engine and its ring take. */
export function captureBytes({ blockBytes, blocks }: RingSize): number {
  return LAYOUT.end + blockBytes * blocks
}

/** An open capture. */
export class Capture {
  readonly memory: Memory
  readonly ring: CaptureRing
  readonly fd: number
  /** What it captures on. */
  readonly interfaces: Attachment
  readonly filter: SocketFilter

  /**
   * Everything but the interface is in place afterwards, the filter included:
   * no frame that should not pass can enter.
   * @throws AppError ERR_CAPTURE.
   */
  constructor(options: RingOptions, { memory, filter, attachTo }: CaptureParts) {
    const { ring } = options
    this.fd = openSocket()
    const resources = new Float64Array(options.resources)
    resources[RESOURCE.captureFd] = this.fd
    this.interfaces = attachTo(this.fd, (interfaces) => {
      this.filter.change({ interfaces })
    })
    resources[RESOURCE.linkFd] = this.interfaces.eventFd
    this.filter = new SocketFilter(this.fd, {
      own: ownRefusals(native.isLoopback(this.fd, options.interfaceName)),
      interfaces: this.interfaces.interfaces,
      addresses: excludedAddresses(options.excluded),
      expression: filter,
    })
    const hasVnetHeader = configure(this.fd, options)
    if (!native.mapSocketAt(memory.address + LAYOUT.end, ring.blockBytes * ring.blocks, this.fd)) {
      throw failure('mapping the capture ring')
    }
    this.memory = memory
    this.ring = new CaptureRing(this.memory, LAYOUT.end, ring, hasVnetHeader)
  }

  /** See Attachment. */
  attach(): string | undefined {
    native.getBytesOption(this.fd, SO_ERROR, 4)
    return this.interfaces.attach()
  }

  /** Reads PACKET_STATISTICS, which thereby starts again at 0 (struct tpacket_stats_v3). */
  takeDrops(): number {
    return native.getBytesOption(this.fd, PACKET_STATISTICS, 12)?.getUint32(4, true) ?? 0
  }
}

function openSocket(): number {
  const fd = native.socket(AF_PACKET, SOCK_RAW_CLOEXEC_NONBLOCK, 0)
  if (fd === -1) throw failure('a packet socket', 'the process needs the capability CAP_NET_RAW')
  return fd
}

/** Returns whether frames come with the kernel's notes (struct virtio_net_hdr); they must be asked for first. */
function configure(fd: number, { ring, withoutVnetHeader }: RingOptions): boolean {
  const hasVnetHeader = !withoutVnetHeader && native.setIntOption(fd, PACKET_VNET_HDR, 1)
  if (!native.setIntOption(fd, PACKET_VERSION, TPACKET_V3)) throw failure('asking for TPACKET_V3')
  if (!native.setBytesOption(fd, PACKET_RX_RING, ringRequest(ring))) {
    throw failure(`a capture ring of ${ring.blocks} × ${ring.blockBytes} bytes`)
  }
  return hasVnetHeader
}

/** struct tpacket_req3: block size, blocks, frame size, frames, retire time, private bytes, features. */
function ringRequest({ blockBytes, blocks, retireMs }: RingSize): Uint8Array {
  const frames = (blockBytes / FRAME_BYTES) * blocks
  return new Uint8Array(
    Uint32Array.of(blockBytes, blocks, FRAME_BYTES, frames, retireMs, 0, 0).buffer,
  )
}

function ownRefusals(isLoopback: boolean): Instruction[] {
  return refusals([
    { field: 'mark', value: OWN_MARK },
    ...(isLoopback ? [{ field: 'packetType', value: OUTGOING } as const] : []),
  ])
}

function failure(what: string, hint = ''): AppError {
  const errno = native.errnoName(native.lastErrno())
  return new AppError('ERR_CAPTURE', `cannot capture: ${what}: ${errno}${hint && `; ${hint}`}`)
}
