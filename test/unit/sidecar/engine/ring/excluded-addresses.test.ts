import assert from 'node:assert/strict'
import test from 'node:test'
import { excludedAddresses } from '../../../../../sidecar/engine/ring/excluded-addresses.ts'
import { CODE, type Instruction } from '../../../../../sidecar/engine/ring/instructions.ts'
import { ethernet, hex, ipv4, ipv6, udp } from '../../../../helpers/frames.ts'

/** What the kernel does with `instructions` for `frame`: true when they are left at their end. */
function passes(instructions: readonly Instruction[], frame: Uint8Array): boolean {
  let loaded = 0
  for (let at = 0; at < instructions.length;) {
    const instruction = instructions[at]!
    at += 1
    if (instruction[0] === CODE.give) return false
    loaded = load(instruction, frame) ?? loaded
    at += jump(instruction, loaded)
  }
  return true
}

function load([code, , , k]: Instruction, frame: Uint8Array): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (code === CODE.loadLength) return frame.length
  if (code === CODE.loadHalf) return view.getUint16(k)
  return code === CODE.loadWord ? view.getUint32(k) : undefined
}

function jump([code, yes, no, k]: Instruction, loaded: number): number {
  if (code === CODE.jump) return k
  if (code === CODE.jumpIfEqual) return loaded === k ? yes : no
  if (code === CODE.jumpIfAtLeast) return loaded >= k ? yes : no
  return code === CODE.jumpIfGreater ? (loaded > k ? yes : no) : 0
}

const payload = udp([1, 2], new Uint8Array(8))
const packet4 = (source: string, destination: string): Uint8Array =>
  ethernet(
    0x0800,
    ipv4({ protocol: 17, payload, source: hex(source), destination: hex(destination) }),
  )
const packet6 = (source: string, destination: string): Uint8Array =>
  ethernet(
    0x86dd,
    ipv6({ protocol: 17, payload, source: hex(source), destination: hex(destination) }),
  )
const POD4 = '0af40007'
const POD6 = 'fd00 0000 0000 0000 0000 0000 0000 0007'
const OTHER6 = 'fd00 0000 0000 0000 0000 0000 0000 0008'
const FOREIGN6 = 'fd01 0000 0000 0000 0000 0000 0000 0007'
const PROGRAM = excludedAddresses(['10.244.0.7', '10.244.0.9', 'fd00::7'])

test('packets from and to the addresses are left out, and no others', () => {
  assert.equal(passes(PROGRAM, packet4(POD4, '0af40001')), false)
  assert.equal(passes(PROGRAM, packet4('0af40001', POD4)), false)
  assert.equal(passes(PROGRAM, packet4('0af40008', '0af40006')), true)
  assert.equal(passes(PROGRAM, packet6(POD6, OTHER6)), false)
  assert.equal(passes(PROGRAM, packet6(OTHER6, POD6)), false)
  assert.equal(passes(PROGRAM, packet6(OTHER6, FOREIGN6)), true)
})

test('ARP from and for the addresses is left out', () => {
  const arp = (sender: string, target: string): Uint8Array =>
    ethernet(0x0806, hex(`0001 0800 0604 0001 020000000001 ${sender} 000000000000 ${target}`))

  assert.equal(passes(PROGRAM, arp(POD4, '0af40001')), false)
  assert.equal(passes(PROGRAM, arp('0af40001', POD4)), false)
  assert.equal(passes(PROGRAM, arp('0af40001', '0af40002')), true)
})

test('frames that are too short to have addresses, and others than IP, pass', () => {
  const whole = packet4(POD4, POD4)
  for (const frame of [
    whole.subarray(0, 33),
    ethernet(0x0806, hex('00')),
    ethernet(0x88b5, hex('00')),
  ]) {
    assert.equal(passes(PROGRAM, frame), true)
  }
})

test('nothing is asked where nothing is left out, and 250 pods fit a filter', () => {
  const pods = Array.from({ length: 250 }, (_, index) => `10.244.${index % 2}.${index}`)

  assert.deepEqual(excludedAddresses([]), [])
  assert.ok(excludedAddresses(pods).length < 3000, `${excludedAddresses(pods).length}`)
})
