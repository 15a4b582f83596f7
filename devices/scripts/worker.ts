import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { type Operation, openSandbox, type ScriptOutcome, scriptLimits } from './sandbox.ts'

/*
 * A thread that runs codecs, one after the other, as it is told to. It may be ended at any moment (see pool.ts).
 */

/** What the thread is given at its start: QuickJS, and where it notes the processor time at which a run began. */
export type WorkerStart = { module: WebAssembly.Module; cpuAtBegin: SharedArrayBuffer }

/** A run that is asked for. A source comes with its first run in this thread. */
export type WorkerTask = {
  scriptId: string
  source?: string
  operation: Operation
  input: object
  receivedAt: number
}

/** What the thread posts: that it is ready, with its number to the system, or what a run came to. */
export type WorkerMessage = { ready: { threadId: string | null } } | { outcome: ScriptOutcome }

// Codecs give way to the broker and to ingest where the processors do not suffice for all. On Linux the priority is the
// thread's own, elsewhere the whole process's.
const niceness = 10

const port = parentPort!
const { module, cpuAtBegin } = workerData as WorkerStart
const begin = new Float64Array(cpuAtBegin)
if (process.platform === 'linux') setPriority(niceness)
const sources = new Map<string, string>()
const sandbox = await openSandbox(module)

port.on('message', async ({ scriptId, source, operation, input, receivedAt }: WorkerTask) => {
  const { user, system } = process.threadCpuUsage()
  begin[0] = (user + system) / 1000
  if (source !== undefined) {
    if (sources.size >= scriptLimits.sources) sources.clear()
    sources.set(scriptId, source)
  }
  const script = { id: scriptId, source: sources.get(scriptId)! }
  port.postMessage({ outcome: await sandbox.run(script, operation, input, receivedAt) } satisfies WorkerMessage)
})
port.postMessage({ ready: { threadId: readThreadId() } } satisfies WorkerMessage)

function readThreadId(): string | null {
  return process.platform === 'linux' ? readlinkSync('/proc/thread-self').split('/').at(-1)! : null
}
