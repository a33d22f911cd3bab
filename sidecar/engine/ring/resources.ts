/**
 * What the worker holds of the kernel's. The list lies in shared memory, because a thread that ends
 * without warning (out of memory, say) cleans up nothing, and its parent must.
 */
import * as native from './native.ts'
import { RESOURCE } from './ring-options.ts'

/** Closes and unmaps all that is listed, and empties the list. The worker must not run any more. */
export function releaseResources(resources: Float64Array): void {
  const address = resources[RESOURCE.mapAddress] ?? -1
  const length = resources[RESOURCE.mapLength] ?? -1
  if (address > 0 && length > 0) native.unmap(address, length)
  resources.forEach((value, place) => {
    const isDescriptor = place !== RESOURCE.mapAddress && place !== RESOURCE.mapLength
    if (isDescriptor && value >= 0) native.close(value)
  })
  resources.fill(-1)
}
