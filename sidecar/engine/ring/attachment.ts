/** What a capture socket is attached to: one interface, or all that are chosen. */
import type { InterfaceRules } from '../../interfaces/choose-interfaces.ts'
import type { Instruction } from './instructions.ts'

/** How a capture finds its interfaces, and keeps them. */
export interface Attachment {
  /** What the filter must ask first, from the start. */
  readonly interfaces: readonly Instruction[]
  /** A descriptor that is readable when interfaces change; -1: there is none. */
  readonly eventFd: number
  /** In words, for the log: "eth0". */
  readonly title: string
  /**
   * Sees to it that everything wanted is captured. Returns why nothing can be captured now, or
   * undefined. Cheap: it is called every second.
   * @throws AppError ERR_INTERFACE when it never will be.
   */
  attach(): string | undefined
  /** Reads what `eventFd` has. Returns whether anything was taken up or let go. */
  onEvent(): boolean
  /** Chooses by other rules from now on, where it chooses at all; what both choose loses nothing. */
  setRules?(rules: InterfaceRules): void
}

/**
 * Makes the attachment of packet socket `fd`; it calls `onFilter` whenever the filter must ask something
 * else first, not before attach() was called.
 */
export type AttachmentFactory = (
  fd: number,
  onFilter: (interfaces: readonly Instruction[]) => void,
) => Attachment
