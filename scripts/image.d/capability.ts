/** Bits of capabilities (capabilities(7), include/uapi/linux/capability.h). */
export const CAP_NET_RAW = 13

const REVISION_2 = 0x02000000
const EFFECTIVE = 0x000001

/**
 * The value of the extended attribute `security.capability` that gives a program `capability` as
 * permitted and effective (`setcap …+ep`), whoever runs it, within the bounding set. `capability` is
 * a bit number 0…31.
 *
 * struct vfs_cap_data, revision 2, all little-endian (include/uapi/linux/capability.h):
 *
 *      0         4               8                 12              16                20
 *     +---------+---------------+-----------------+---------------+-----------------+
 *     |magic_etc|permitted 0…31 |inheritable 0…31 |permitted 32…63|inheritable 32…63|
 *     +---------+---------------+-----------------+---------------+-----------------+
 */
export function fileCapability(capability: number): Buffer {
  const value = Buffer.alloc(20)
  value.writeUInt32LE(REVISION_2 | EFFECTIVE, 0)
  value.writeUInt32LE(2 ** capability, 4)
  return value
}
