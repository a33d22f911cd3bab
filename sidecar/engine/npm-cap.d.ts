/** The part of npm `cap` that is used; the package has no types. See its README. */
declare module 'cap' {
  interface Cap {
    /** Opens `device`; returns its link type. Frames are written to `buffer`, which it does not keep alive. */
    open(device: string, filter: string, bufferSize: number, buffer: Buffer): string
    close(): boolean
    on(event: 'packet', listener: (bytes: number, isTruncated: boolean) => void): this
  }
  const cap: { readonly Cap: new () => Cap }
  export default cap
}
