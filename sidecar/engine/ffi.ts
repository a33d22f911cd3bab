/**
 * koffi, which calls the system's libraries, with room on its stacks. Import it from here only: its
 * settings can be changed only before the first library is loaded.
 */
import koffi from 'koffi'

/**
 * koffi gives every asynchronous call a stack of its own. pcap_compile() recurses with the size of
 * the expression, and 300 times "vlan" ended in a segmentation fault on koffi's 128 KiB.
 */
const ASYNC_STACK_BYTES = 8 * 1024 * 1024

koffi.config({ async_stack_size: ASYNC_STACK_BYTES, resident_async_pools: 1 })

export { koffi }
