import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { programRanges, releaseProgram } from '../../../../sidecar/engine/release-program.ts'

const SMAPS = `\
00400000-00e2e000 r--p 00000000 fe:00 131                                /usr/bin/node
Size:              10424 kB
Anonymous:             0 kB
VmFlags: rd mr mw me sd
00e2f000-03c13000 r-xp 00a2f000 fe:00 131                                /usr/bin/node
Size:              47000 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
06f50000-06f51000 r--p 06b4f000 fe:00 131                                /usr/bin/node
Size:                  4 kB
Anonymous:             4 kB
VmFlags: rd mr mw me ac sd
06f51000-06f6c000 rw-p 06b50000 fe:00 131                                /usr/bin/node
Size:                108 kB
Anonymous:             0 kB
VmFlags: rd wr mr mw me ac sd
2a5c000000-2a5c040000 r-xp 00000000 00:00 0 
Size:                256 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
7f2b7cc11000-7f2b7cc12000 rwxp 00000000 fe:00 78                         /usr/lib/libpatched.so
Size:                  4 kB
Anonymous:             0 kB
VmFlags: rd wr ex mr mw me sd
7ffd3a5f2000-7ffd3a5f4000 r-xp 00000000 00:00 0                          [vdso]
Size:                  8 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me de sd
`

test('let go of is what comes from a file, cannot be written, and was not changed by the loader', () => {
  assert.deepEqual(programRanges(SMAPS), [
    { start: 0x400000, length: 0xa2e000 },
    { start: 0xe2f000, length: 0x2de4000 },
  ])
})

test('a program goes on after it has let go of its code and constants, with less memory', () => {
  const before = residentFileKb()
  const released = releaseProgram()
  const after = residentFileKb()
  assert.ok(released > 50_000_000, `expected the program file, released ${released} bytes`)
  assert.ok(after < before / 2, `expected less than half of ${before} kB, has ${after}`)
  assert.equal(JSON.stringify(new Intl.NumberFormat('en').format(1234)), '"1,234"')
})

test('letting go again and again changes nothing', () => {
  const released = releaseProgram()

  assert.equal(releaseProgram(), released)
  assert.ok(/^[\p{L}]+$/u.test('Größe'))
})

function residentFileKb(): number {
  const [, value] = /^RssFile:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(value)
}
