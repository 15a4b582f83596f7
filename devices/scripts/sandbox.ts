import { readFileSync } from 'node:fs'
import { JSException, type JSValueHandle, QuickJS } from 'quickjs-wasi'
import { readBufferPolyfill } from './polyfill.ts'
import { prelude, runName } from './prelude.ts'

/** Bounds of one run of a codec: nothing that it can make grow is without one. */
export const scriptLimits = {
  /** From the call to the answer, the source's own start included. */
  deadlineMs: 100,
  /** A run that had less processor time than this by its deadline was kept waiting by others: it may go on ... */
  fairCpuMs: 50,
  /** ... until this long after its beginning: a run that never ends has had its share of the processor long before. */
  longestMs: 2000,
  memoryBytes: 16 << 20,
  /** The answer as JSON text. */
  answerChars: 1 << 20,
  /** A codec's source; the largest that vendors publish has 700 KB. */
  sourceChars: 2 << 20,
  /** Sources that a thread remembers; past it they are told to it again. */
  sources: 256,
  /** Images of codecs that are kept ready in one sandbox. */
  imagesBytes: 64 << 20,
} as const

/** What is called, and with what; `recvTime` is epoch milliseconds, which the codec gets as a Date. */
export type Operation = 'decodeUplink' | 'normalizeUplink' | 'encodeDownlink' | 'decodeDownlink'

/** A source and the name that it is remembered by: another source needs another name. */
export type Script = { id: string; source: string }

/**
 * What a run came to: the codec's answer, plain data out of JSON; or why there is none. One that timed out `isStarved`
 * when it had hardly any processor time: then it is not the codec that is slow.
 */
export type ScriptOutcome =
  | { ok: true; answer: unknown; context?: unknown }
  | { ok: false; kind: 'error'; error: string }
  | { ok: false; kind: 'timeout'; error: string; isStarved: boolean }

const pageBytes = 4096
// Room that a codec finds without the memory having to grow, after which the sandbox is made anew.
const roomBytes = 2 << 20

// The parts of the WebAssembly instance that putting an image back needs; the package has them private.
type Instance = { exports: { memory: WebAssembly.Memory; __stack_pointer: WebAssembly.Global } }

/** The whole memory of a sandbox at one moment. */
type Image = { memory: Uint8Array; stackPointer: number }

/** What a codec's start changed of the image that it started from: pages, by their number. */
type Patch = { base: Image; pages: { at: number; bytes: Uint8Array }[]; stackPointer: number; bytes: number }

/** Reads and compiles QuickJS; done once, the module serves every thread. */
export function compileQuickJs(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('quickjs-wasi/quickjs.wasm'))))
}

/**
 * QuickJS in this thread, for one codec at a time. Every run begins in the same fresh memory: the image taken after the
 * source had started is put back byte for byte, which costs a hundredth of a new context and leaves nothing of the run
 * before. It is bounded by `scriptLimits`, but not against native calls that never end: who runs codecs that he did not write
 * ends the thread from outside (see pool.ts).
 */
export async function openSandbox(module: WebAssembly.Module) {
  let now = 0
  let deadline = Number.POSITIVE_INFINITY
  let cpuAtBegin = 0
  let isLate = false
  let isBroken = false
  let vm = await create()
  const first = takeImage()
  evaluate(readBufferPolyfill()).dispose()
  const withBuffer = takeImage()
  const size = withBuffer.memory.length
  const plain = { ...first, memory: padTo(size, first.memory) }
  const patches = new Map<string, Patch>()
  let patchesBytes = 0

  async function create() {
    deadline = Number.POSITIVE_INFINITY
    const made = await QuickJS.create({
      wasm: module,
      memoryLimit: scriptLimits.memoryBytes,
      timezoneOffset: 0,
      interruptHandler: () => {
        const over = performance.now() - deadline
        isLate =
          over > 0 &&
          (over > scriptLimits.longestMs - scriptLimits.deadlineMs || cpuMs() - cpuAtBegin > scriptLimits.fairCpuMs)
        return isLate
      },
      // The clock stands at the moment of the uplink: a replay answers as the first time did.
      wasi: (memory: WebAssembly.Memory) => ({
        clock_time_get(_clock: number, _precision: bigint, result: number) {
          new DataView(memory.buffer).setBigUint64(result, BigInt(Math.trunc(now)) * 1_000_000n, true)
          return 0
        },
      }),
    })
    made.evalCode(`new ArrayBuffer(${roomBytes}); undefined`).dispose()
    made.evalCode(prelude).dispose()
    return made
  }

  function exportsOf() {
    return (vm as unknown as Instance).exports
  }

  function takeImage(): Image {
    const { memory, __stack_pointer: pointer } = exportsOf()
    return { memory: new Uint8Array(memory.buffer).slice(), stackPointer: pointer.value as number }
  }

  // Memory that has grown cannot shrink, and after a trap there is no state to go on from: then the instance is made anew.
  async function renew() {
    vm.dispose()
    vm = await create()
    const { memory } = exportsOf()
    const missing = size - memory.buffer.byteLength
    if (missing > 0) memory.grow(missing / 65_536)
  }

  function putBack(image: Image, pages: Patch['pages'], stackPointer: number) {
    const { memory, __stack_pointer: pointer } = exportsOf()
    const bytes = new Uint8Array(memory.buffer)
    bytes.set(image.memory)
    for (const page of pages) bytes.set(page.bytes, page.at)
    pointer.value = stackPointer
  }

  function evaluate(source: string): JSValueHandle {
    return vm.evalCode(source, 'codec.js')
  }

  // Starts a source in the image it needs, and remembers what that changed.
  function start({ id, source }: Script): void {
    const known = patches.get(id)
    if (known !== undefined) {
      patches.delete(id)
      patches.set(id, known)
      putBack(known.base, known.pages, known.stackPointer)
      return
    }
    const script = toPlainScript(source)
    const base = /\bBuffer\b|\brequire\b/.test(script) ? withBuffer : plain
    putBack(base, [], base.stackPointer)
    evaluate(script).dispose()
    const { memory, __stack_pointer: pointer } = exportsOf()
    if (memory.buffer.byteLength !== size) return
    const pages = comparePages(base.memory, new Uint8Array(memory.buffer))
    const patch = { base, pages, stackPointer: pointer.value as number, bytes: pages.length * pageBytes }
    patches.set(id, patch)
    patchesBytes += patch.bytes
    for (const [oldest, { bytes }] of patches) {
      if (patchesBytes <= scriptLimits.imagesBytes) break
      patches.delete(oldest)
      patchesBytes -= bytes
    }
  }

  /** Calls one function of a codec. `receivedAt` is what its clock says, epoch milliseconds. */
  async function run(script: Script, operation: Operation, input: object, receivedAt: number): Promise<ScriptOutcome> {
    if (isBroken || exportsOf().memory.buffer.byteLength !== size) await renew()
    isBroken = false
    now = receivedAt
    isLate = false
    cpuAtBegin = cpuMs()
    deadline = performance.now() + scriptLimits.deadlineMs
    try {
      start(script)
      const json = JSON.stringify(input)
      let told = readText(evaluate(`${runName}(${JSON.stringify(operation)}, ${JSON.stringify(json)})`))
      if (told === null) {
        vm.executePendingJobs()
        told = readText(evaluate(`${runName}Settled()`))
      } else vm.executePendingJobs()
      if (isLate) return late()
      if (told === null) return failed('the codec answered no text')
      if (told.length > scriptLimits.answerChars) return failed('the answer is too large')
      const { answer, context } = JSON.parse(told) as { answer: unknown; context: unknown }
      return { ok: true, answer, context }
    } catch (error) {
      isBroken = !(error instanceof JSException)
      if (isLate) return late()
      return failed(tell(error))
    }
  }

  function late(): ScriptOutcome {
    const isStarved = cpuMs() - cpuAtBegin < scriptLimits.fairCpuMs
    return { ok: false, kind: 'timeout', error: `no answer within ${scriptLimits.deadlineMs} ms`, isStarved }
  }

  return { run }
}

export type Sandbox = Awaited<ReturnType<typeof openSandbox>>

// A codec may be written as an ES module: what it exports stands in the open then, a default one on `exports`; what it
// imports is required, which finds Node's `buffer` and tells of anything else that a codec cannot load it.
function toPlainScript(source: string): string {
  if (!/^\s*(?:export|import)\b/m.test(source)) return source
  return source
    .replace(
      /^(\s*)import\s+(?:\{([^}]*)\}|\*\s*as\s+(\w+))\s*from\s*(['"][^'"\n]+['"])[ \t]*;?/gm,
      (_, indent: string, names: string | undefined, space: string | undefined, from: string) =>
        `${indent}const ${names === undefined ? space : `{${names.replace(/\s+as\s+/g, ': ')}}`} = require(${from});`,
    )
    .replace(/^(\s*)export\s+(?:default\s+)?(?=(?:async\s+)?function\b|const\b|let\b|var\b|class\b)/gm, '$1')
    .replace(/^(\s*)export\s*\{[^}]*\}\s*;?/gm, '$1')
    .replace(/^(\s*)export\s+default\b/gm, '$1exports.default =')
}

function padTo(size: number, bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(size)
  padded.set(bytes)
  return padded
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function failed(error: string): ScriptOutcome {
  return { ok: false, kind: 'error', error }
}

function readText(handle: JSValueHandle): string | null {
  return handle.consume((value) => (value.isString ? value.toString() : null))
}

function comparePages(before: Uint8Array, after: Uint8Array): Patch['pages'] {
  const pages: Patch['pages'] = []
  for (let at = 0; at < after.length; at += pageBytes) {
    const page = Buffer.from(after.buffer, after.byteOffset + at, pageBytes)
    if (page.compare(before, at, at + pageBytes) !== 0) pages.push({ at, bytes: Uint8Array.from(page) })
  }
  return pages
}

function tell(error: unknown): string {
  if (!(error instanceof JSException)) return (error as Error).message
  const { name, message } = error
  error.dispose()
  return message === '' ? name : `${name}: ${message}`
}
