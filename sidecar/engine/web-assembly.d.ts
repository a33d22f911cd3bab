/** The part of WebAssembly's JavaScript interface that is used: without a browser's types there is none. */
declare namespace WebAssembly {
  class Memory {
    /** In pages of 64 KiB. */
    constructor(size: { readonly initial: number; readonly maximum: number })
    readonly buffer: ArrayBuffer
  }
  /** @throws Error (CompileError) where the machine cannot run it. */
  const Module: new (bytes: Uint8Array) => object
  class Instance {
    constructor(module: object, imports: Record<string, Record<string, Memory>>)
    readonly exports: Record<string, unknown>
  }
}
