/** What codecs need of WebAssembly, which Node.js has and whose types only browsers' libraries tell. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  type Memory = { readonly buffer: ArrayBuffer; grow(pages: number): number }
  type Global = { value: number }
}
