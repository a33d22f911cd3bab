import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { codeRanges, releaseCode } from '../../../../sidecar/engine/release-code.ts'

const MAPS = `\
00400000-00e2e000 r--p 00000000 fe:00 131                                /usr/bin/node
00e2f000-03c13000 r-xp 00a2f000 fe:00 131                                /usr/bin/node
06f51000-06f6c000 rw-p 06b50000 fe:00 131                                /usr/bin/node
2a5c000000-2a5c040000 r-xp 00000000 00:00 0 
7f2b7c9d2000-7f2b7cb27000 r-xp 00026000 fe:00 77                         /usr/lib/libc.so.6
7f2b7cc11000-7f2b7cc12000 rwxp 00000000 fe:00 78                         /usr/lib/libpatched.so
7ffd3a5f2000-7ffd3a5f4000 r-xp 00000000 00:00 0                          [vdso]
`

test('code is what is executable, comes from a file and cannot be written', () => {
  assert.deepEqual(codeRanges(MAPS), [
    { start: 0xe2f000, length: 0x2de4000 },
    { start: 0x7f2b7c9d2000, length: 0x155000 },
  ])
})

test('a program goes on after it has let go of its code, with less memory', () => {
  const before = residentFileKb()
  const released = releaseCode()
  const after = residentFileKb()
  assert.ok(released > 10_000_000, `expected the program's code, released ${released} bytes`)
  assert.ok(
    after < before * 0.75,
    `expected less than three quarters of ${before} kB, has ${after}`,
  )
  assert.equal(JSON.stringify(new Intl.NumberFormat('en').format(1234)), '"1,234"')
})

function residentFileKb(): number {
  const [, value] = /^RssFile:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(value)
}
