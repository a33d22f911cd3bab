/** Where the header stands that every piece of a split frame begins with. */

/** A template in memory. One object is used again for every frame. */
export interface Template {
  /** Where it lies, VXLAN header first. */
  start: number
  /** Its length, VXLAN header included. */
  length: number
  ipVersion: 4 | 6
  /** From the template's start to its IP header, and to what follows the copied IP headers. */
  network: number
  transport: number
  /** IPv4: the sum of the header with length, identification and checksum 0. */
  networkSum: number
  /** IPv4: the identification of the frame. */
  identification: number
}

/** A template for writeTemplate() to fill. */
export function createTemplate(): Template {
  return {
    start: 0,
    length: 0,
    ipVersion: 4,
    network: 0,
    transport: 0,
    networkSum: 0,
    identification: 0,
  }
}
