import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { mirrorFile, type FileMirrorOptions } from '../../../../sidecar/offline/mirror-file.ts'
import { concat, ethernet, hex, ipv4, number, tcp, udp } from '../../../helpers/frames.ts'
import { readPcapFile } from '../../../helpers/pcap-file.ts'
import { pattern } from '../../../helpers/reassembly.ts'

const folder = mkdtempSync(join(tmpdir(), 'podtap-offline-'))
after(() => {
  rmSync(folder, { recursive: true })
})

const SMALL = ethernet(
  0x0800,
  ipv4({ protocol: 17, payload: udp([1000, 53], hex('6869'), 0xbeef) }),
)
const FULL = ethernet(0x0800, ipv4({ protocol: 6, payload: tcp([1000, 80], pattern(1460)) }))

test('a frame that fits is written byte for byte behind outer headers', async () => {
  await mirror(pcap([SMALL]))

  assert.deepEqual(readPcapFile(join(folder, 'out.pcap')), [
    hex(`
        020000000002 020000000001 0800                    # Ethernet
        4500 0050 0000 4000 4911 ad99 c0000201 c0000202   # IPv4, DF
        fff8 12b5 003c 0000                               # UDP, no checksum
        08000000 00002a00                                 # VXLAN, VNI 42
        020000000002 020000000001 0800                    # the frame
        4500 001e 1234 0000 4011 5499 0a000001 0a000002
        03e8 0035 000a beef 6869`),
  ])
})

test('the same input gives the same output', async () => {
  const outputs: string[] = []
  for (let run = 0; run < 2; run++) {
    await mirror(pcap([SMALL, FULL]))
    outputs.push(readFileSync(join(folder, 'out.pcap'), 'hex'))
  }

  assert.equal(outputs[0], outputs[1])
})

test('a frame that does not fit the MTU is split', async () => {
  assert.deepEqual(await mirror(pcap([FULL])), {
    frames: 1,
    datagrams: 2,
    truncated: 0,
    tooLong: 0,
  })
  const lengths = readPcapFile(join(folder, 'out.pcap')).map((frame) => frame.length)
  assert.deepEqual(lengths, [50 + 54 + 730, 50 + 54 + 730])
})

test('cut frames and frames that cannot be split are skipped and counted', async () => {
  const cut = record(SMALL, { wireBytes: 1500 })
  const odd = record(ethernet(0x88b5, pattern(1600)), {})

  assert.deepEqual(await mirror(concat(header(), cut, odd, record(SMALL, {}))), {
    frames: 3,
    datagrams: 1,
    truncated: 1,
    tooLong: 1,
  })
})

for (const [magic, littleEndian] of [
  [0xa1b2c3d4, false],
  [0xa1b23c4d, false],
  [0xa1b2c3d4, true],
  [0xa1b23c4d, true],
] as const) {
  test(`pcap with magic ${magic.toString(16)}, ${littleEndian ? 'little' : 'big'}-endian, is read`, async () => {
    const file = pcap([SMALL], { magic, littleEndian })

    assert.equal((await mirror(file)).datagrams, 1)
  })
}

test('a file that ends within a record is mirrored up to there', async () => {
  const { broken, datagrams } = await mirror(pcap([SMALL, SMALL]).subarray(0, -3))

  assert.equal(datagrams, 1)
  assert.equal(broken, 'the file ends within a record')
})

test('a record of an absurd length ends the reading with a reason', async () => {
  const { broken } = await mirror(concat(header(), record(SMALL, { length: 0x7fffffff })))

  assert.equal(broken, 'a record claims 2147483647 bytes')
})

test('another link type, pcapng and other files are refused with the remedy', async () => {
  const anyLink = pcap([SMALL], { linkType: 113 })
  await assert.rejects(mirror(anyLink), { code: 'ERR_CAPTURE_FILE', message: /link type 113/ })
  await assert.rejects(mirror(hex('0a0d0d0a'.repeat(8))), { message: /editcap -F pcap IN OUT/ })
  await assert.rejects(mirror(hex('')), {
    message: /expected a pcap file, received something else/,
  })
})

function mirror(
  file: Uint8Array,
  options: Partial<FileMirrorOptions> = {},
): ReturnType<typeof mirrorFile> {
  const input = join(folder, 'in.pcap')
  writeFileSync(input, file)
  const output = join(folder, 'out.pcap')
  return mirrorFile({ input, output, vni: 42, mtu: 1500, completeChecksums: false, ...options })
}

interface Format {
  readonly magic?: number
  readonly linkType?: number
  readonly littleEndian?: boolean
}

function pcap(frames: readonly Uint8Array[], format: Format = {}): Uint8Array<ArrayBuffer> {
  return concat(header(format), ...frames.map((frame) => record(frame, format)))
}

function header({ magic = 0xa1b2c3d4, linkType = 1, littleEndian = false }: Format = {}) {
  return ordered([magic, 0x0002_0004, 0, 0, 65535, linkType], littleEndian)
}

function record(
  frame: Uint8Array,
  fields: { wireBytes?: number; length?: number; littleEndian?: boolean },
): Uint8Array<ArrayBuffer> {
  const { wireBytes = frame.length, length = frame.length, littleEndian = false } = fields
  return concat(ordered([1, 2, length, wireBytes], littleEndian), frame)
}

function ordered(words: readonly number[], littleEndian: boolean): Uint8Array<ArrayBuffer> {
  return concat(
    ...words.map((word) => (littleEndian ? number(word, 4).toReversed() : number(word, 4))),
  )
}
