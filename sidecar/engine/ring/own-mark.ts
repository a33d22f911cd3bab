/** The mark by which podtap's own packets are known inside the network namespace that it captures in. */
import { BESIDE, CODE, REFUSE, type Instruction } from './instructions.ts'

/**
 * SO_MARK of mirrored frames; setting it takes CAP_NET_RAW since Linux 5.17. It keeps clear of the
 * bits that Kubernetes (0x4000, 0x8000), Cilium (0x0f00) and Calico (0xffff0000) give a meaning.
 */
export const OWN_MARK = 0x2037

/** What the kernel notes beside a packet, and the value of it that is refused. */
export interface Refusal {
  readonly field: 'mark' | 'packetType'
  readonly value: number
}

/** PACKET_OUTGOING (linux/if_packet.h): on a loopback interface every packet passes twice. */
export const OUTGOING = 4

/** Instructions that refuse packets by what the kernel notes beside them. */
export function refusals(wanted: readonly Refusal[]): Instruction[] {
  return wanted.flatMap<Instruction>(({ field, value }) => [
    [CODE.loadWord, 0, 0, BESIDE[field]],
    [CODE.jumpIfEqual, 0, 1, value],
    REFUSE,
  ])
}
