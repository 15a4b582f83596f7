import { readdirSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'

type Level = 'info' | 'warn' | 'error'

/** What a thread of a role posts: that it is ready, a line of log, or a message of its own. */
export type ThreadMessage = { ready?: true; log?: { level: Level; text: string } } & Record<string, unknown>

const longestRestartMs = 10_000

/**
 * Runs a role in a thread of its own, from the time that the promise resolves. A thread that ends by an error after that
 * is started again, at growing intervals; one that fails before it was ever ready rejects the promise.
 */
export async function startThread(options: {
  name: string
  entry: URL
  data: unknown
  /**
   * How large the young half of its heap may grow. What a batch holds lives as long as the batch: where there is room for
   * several, hardly any of it has to be copied.
   */
  semiSpaceMib: number
  /** How far it gives way to the other threads when the processors are busy, as `nice` counts; Linux alone hears of it. */
  niceness?: number
  onMessage?(message: ThreadMessage): void
  onRestart?(): void
  log(level: Level, text: string): void
}) {
  let worker: Worker
  let isClosing = false
  let restartMs = 500
  let wasReady = false

  function start(): Promise<ThreadMessage> {
    return new Promise((resolve, reject) => {
      let error: Error | null = null
      // V8 reads the flag as it makes the thread's heap; given for the process, it would overrule `resourceLimits`.
      setFlagsFromString(`--max-semi-space-size=${options.semiSpaceMib}`)
      worker = new Worker(options.entry, { name: options.name, workerData: options.data })
      worker.on('message', (message: ThreadMessage) => {
        if (message.log !== undefined) options.log(message.log.level, message.log.text)
        else if (message.ready === true) {
          wasReady = true
          if (options.niceness !== undefined) giveWay(options.name, options.niceness)
          resolve(message)
        } else options.onMessage?.(message)
      })
      worker.on('error', (thrown) => {
        error = thrown as Error
      })
      worker.on('exit', () => {
        if (isClosing) return
        const text = error?.message ?? 'it ended'
        if (!wasReady) {
          reject(error ?? new Error(`${options.name}: ${text}`))
          return
        }
        options.log('error', `${options.name}: ${text}; starting it again in ${restartMs} ms`)
        options.onRestart?.()
        setTimeout(() => {
          restartMs = Math.min(restartMs * 2, longestRestartMs)
          if (!isClosing) start().catch(() => {})
        }, restartMs)
      })
    })
  }

  const ready = await start()
  return {
    ready,
    post(message: unknown, transfer: ArrayBuffer[] = []) {
      worker.postMessage(message, transfer)
    },
    /** Asks it to end, and waits until it has. */
    async close() {
      isClosing = true
      const ended = new Promise((resolve) => worker.once('exit', resolve))
      worker.postMessage({ close: true })
      await ended
    },
  }
}

// A thread has no way to learn its number of the system; its name is told in /proc.
function giveWay(name: string, niceness: number) {
  try {
    for (const id of readdirSync('/proc/self/task'))
      if (readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === name) setPriority(Number(id), niceness)
  } catch {
    // Not Linux, or a thread ended meanwhile: all are treated alike.
  }
}
