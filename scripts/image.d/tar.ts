/** Writes tar archives: ustar (POSIX.1-1988) with pax extended headers (POSIX.1-2001) where needed. */
import { readFileSync } from 'node:fs'
import { sortedEntries, type Entry, type Tree } from './tree.ts'

const BLOCK = 512

/** Longest name of a ustar header; longer ones go to a pax record. */
const NAME_LENGTH = 100

/**
 * The archive of `tree` as chunks. Every entry belongs to 0:0 and was modified at `epoch` (seconds),
 * so that equal trees give equal bytes.
 */
export function* tarOf(tree: Tree, epoch: number): Generator<Buffer> {
  for (const [path, entry] of sortedEntries(tree)) {
    const content = contentOf(entry)
    const name = entry.type === 'directory' ? `${path}/` : path
    yield* extendedHeader(name, entry, epoch)
    yield header({ name, entry, size: content.length, epoch })
    yield* padded(content)
  }
  yield Buffer.alloc(2 * BLOCK)
}

/** The bytes of a regular file; nothing for directories and links. */
export function contentOf(entry: Entry): Buffer {
  if (entry.type !== 'file') return Buffer.alloc(0)
  return Buffer.isBuffer(entry.content) ? entry.content : readFileSync(entry.content.path)
}

interface HeaderFields {
  readonly name: string
  readonly entry: Entry
  readonly size: number
  readonly epoch: number
  readonly typeflag?: string
}

/**
 * One header block. Offset and length of the fields that are set (POSIX pax, "ustar Header Block"):
 *
 *     0   name 100      100 mode 8       108 uid 8       116 gid 8       124 size 12
 *     136 mtime 12      148 chksum 8     156 typeflag 1  157 linkname 100
 *     257 magic "ustar\0" 6              263 version "00" 2
 */
function header({
  name,
  entry,
  size,
  epoch,
  typeflag = TYPEFLAGS[entry.type],
}: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0, NAME_LENGTH)
  writeOctal(block, { at: 100, length: 8, value: entry.type === 'link' ? 0o777 : entry.mode })
  writeOctal(block, { at: 108, length: 8, value: 0 })
  writeOctal(block, { at: 116, length: 8, value: 0 })
  writeOctal(block, { at: 124, length: 12, value: size })
  writeOctal(block, { at: 136, length: 12, value: epoch })
  block.write(typeflag, 156)
  if (entry.type === 'link') block.write(entry.target, 157, NAME_LENGTH)
  block.write('ustar\0' + '00', 257)
  writeChecksum(block)
  return block
}

const TYPEFLAGS = { file: '0', link: '2', directory: '5' }

function writeOctal(block: Buffer, field: { at: number; length: number; value: number }): void {
  const digits = field.value.toString(8).padStart(field.length - 1, '0')
  block.write(digits, field.at, field.length - 1, 'latin1')
}

/** The sum of all bytes of the block, the checksum field itself counted as spaces. */
function writeChecksum(block: Buffer): void {
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

/** The pax records that `entry` needs, as an entry of its own before it (typeflag x), or nothing. */
function* extendedHeader(name: string, entry: Entry, epoch: number): Generator<Buffer> {
  const records: Buffer[] = []
  if (Buffer.byteLength(name) > NAME_LENGTH) records.push(paxRecord('path', Buffer.from(name)))
  if (entry.type === 'link' && Buffer.byteLength(entry.target) > NAME_LENGTH) {
    records.push(paxRecord('linkpath', Buffer.from(entry.target)))
  }
  if (entry.type === 'file' && entry.capability !== undefined) {
    // The name that Docker, containerd and GNU tar give to extended attributes.
    records.push(paxRecord('SCHILY.xattr.security.capability', entry.capability))
  }
  if (records.length === 0) return
  const content = Buffer.concat(records)
  const carrier: Entry = { type: 'file', mode: 0o644, content }
  yield header({ name: 'pax', entry: carrier, size: content.length, epoch, typeflag: 'x' })
  yield* padded(content)
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits too; VALUE may be any bytes. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let length = rest.length
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function* padded(content: Buffer): Generator<Buffer> {
  if (content.length === 0) return
  yield content
  yield Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)
}
