import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { compileQuickJs, type Operation, type Script, type ScriptOutcome, scriptLimits } from './sandbox.ts'
import type { WorkerMessage, WorkerStart, WorkerTask } from './worker.ts'

/** One call of a codec. `patient` runs wait in the queue as long as it takes. */
export type ScriptTask = {
  script: Script
  operation: Operation
  input: object
  receivedAt: number
  patient?: boolean
}

/**
 * What a task came to. `suspended`: the codec was not run, since it timed out too often; `overloaded`: it was not run,
 * since its queue is longer than it works off.
 */
export type TaskOutcome = ScriptOutcome | { ok: false; kind: 'suspended' | 'overloaded'; error: string }

export const poolLimits = {
  /** From outside: a run that has not answered is ended with its thread, for a native call knows no deadline. */
  watchdogMs: 130,
  /** How often a run is tried again that had hardly any processor time. */
  attempts: 2,
  /** Timeouts running after which a codec is suspended. */
  strikes: 5,
  /** Longest that an impatient task waits for its turn. */
  waitMs: 10_000,
  /** Longest that a thread may take to get ready. */
  startMs: 20_000,
} as const

type Waiting = { task: ScriptTask; since: number; attempts: number; resolve(outcome: TaskOutcome): void }

/** One codec's own queue and record. */
type Lane = { waiting: Waiting[]; isProven: boolean; strikes: number }

type Thread = {
  worker: Worker
  isReady: boolean
  threadId: string | null
  cpuAtBegin: Float64Array
  sources: Set<string>
  running: (Waiting & { scriptId: string; begunAt: number; timer: NodeJS.Timeout }) | null
}

const suspended: TaskOutcome = {
  ok: false,
  kind: 'suspended',
  error: `it timed out ${poolLimits.strikes} times running, and is not run until it is mended`,
}

// Codecs that are remembered; past it, those with nothing waiting begin anew.
const maxLanes = 10_000

/**
 * Runs codecs in threads of their own, each codec in the order of its tasks. Two threads run at a time: one for codecs that have
 * shown that they answer, one for those that have not yet, or whose last run timed out; a third stands ready to take over.
 * So a codec that hangs holds up neither a good one nor the thread that asks. A run that does not answer is ended with
 * its thread; a codec that times out five times running is suspended until its source is another.
 *
 * Threads start with the first task, and end with `close`.
 */
export function openScriptPool(options: { log(level: 'info' | 'warn' | 'error', text: string): void }) {
  const lanes = new Map<string, Lane>()
  // Codecs whose turn comes next: each has its place once, and goes to the end after a run.
  const turns: string[] = []
  let module: WebAssembly.Module | null = null
  let threads: Thread[] = []
  let isClosed = false
  const counters = { runs: 0, timeouts: 0, threadsEnded: 0, suspended: 0 }

  /** Runs a task in its turn; never rejects. */
  function run(task: ScriptTask): Promise<TaskOutcome> {
    const lane = laneOf(task.script.id)
    if (lane.strikes >= poolLimits.strikes) return Promise.resolve(suspended)
    return new Promise((resolve) => {
      if (lane.waiting.length === 0 && !isRunning(task.script.id)) turns.push(task.script.id)
      lane.waiting.push({ task, since: performance.now(), attempts: 0, resolve })
      dispatch()
    })
  }

  function laneOf(id: string): Lane {
    let lane = lanes.get(id)
    if (lane === undefined) {
      if (lanes.size >= maxLanes)
        for (const [other, { waiting }] of lanes) if (waiting.length === 0 && !isRunning(other)) lanes.delete(other)
      lane = { waiting: [], isProven: false, strikes: 0 }
      lanes.set(id, lane)
    }
    return lane
  }

  function isRunning(id: string): boolean {
    return threads.some(({ running }) => running?.scriptId === id)
  }

  function dispatch() {
    if (isClosed) return
    // Three threads: two that run, and the reserve.
    while (threads.length < 3) threads.push(startThread())
    const busy = threads.filter(({ running }) => running !== null)
    for (let isDoubtful = busy.some(({ running }) => isDoubt(running!.scriptId)); busy.length < 2; ) {
      const thread = threads.find((each) => each.isReady && each.running === null)
      const turn = turns.findIndex((id) => !isDoubtful || !isDoubt(id))
      if (thread === undefined || turn < 0) return
      const [id] = turns.splice(turn, 1)
      if (!begin(thread, id!)) continue
      busy.push(thread)
      isDoubtful ||= isDoubt(id!)
    }
  }

  function isDoubt(id: string): boolean {
    const { isProven, strikes } = lanes.get(id)!
    return !isProven || strikes > 0
  }

  // Answers whether the codec has a task to run: those that have waited too long are let go first.
  function begin(thread: Thread, scriptId: string): boolean {
    const lane = lanes.get(scriptId)!
    const begunAt = performance.now()
    let next = lane.waiting.shift()
    while (next !== undefined && next.task.patient !== true && begunAt - next.since > poolLimits.waitMs) {
      next.resolve({ ok: false, kind: 'overloaded', error: `it waited ${poolLimits.waitMs / 1000} s for its turn` })
      next = lane.waiting.shift()
    }
    if (next === undefined) return false
    const { script, operation, input, receivedAt } = next.task
    if (thread.sources.size >= scriptLimits.sources) thread.sources.clear()
    const isNew = !thread.sources.has(scriptId)
    thread.sources.add(scriptId)
    const timer = setTimeout(() => watch(thread), poolLimits.watchdogMs)
    thread.running = { ...next, scriptId, begunAt, timer }
    thread.worker.postMessage({
      scriptId,
      ...(isNew ? { source: script.source } : {}),
      operation,
      input,
      receivedAt,
    } satisfies WorkerTask)
    return true
  }

  // The watchdog. A run that had hardly any processor time is not the one that holds things up: it gets a little more.
  function watch(thread: Thread) {
    const running = thread.running
    if (running === null) return
    const leftMs = scriptLimits.longestMs - (performance.now() - running.begunAt)
    const cpuMs = readCpuMs(thread.threadId) - thread.cpuAtBegin[0]!
    if (leftMs > 0 && cpuMs < scriptLimits.fairCpuMs) {
      running.timer = setTimeout(() => watch(thread), Math.min(leftMs, 30))
      return
    }
    counters.threadsEnded++
    end(thread)
    const isStarved = cpuMs < scriptLimits.fairCpuMs
    settle(running, { ok: false, kind: 'timeout', error: `no answer within ${scriptLimits.deadlineMs} ms`, isStarved })
  }

  function settle(running: NonNullable<Thread['running']>, outcome: TaskOutcome) {
    clearTimeout(running.timer)
    const lane = lanes.get(running.scriptId)!
    // On a machine that has no time for it, a codec is tried again before it is blamed.
    if (!outcome.ok && outcome.kind === 'timeout' && outcome.isStarved && running.attempts < poolLimits.attempts) {
      const { task, since, attempts, resolve } = running
      lane.waiting.unshift({ task, since, attempts: attempts + 1, resolve })
      turns.push(running.scriptId)
      dispatch()
      return
    }
    counters.runs++
    if (!outcome.ok && outcome.kind === 'timeout') {
      counters.timeouts++
      lane.strikes++
      lane.isProven = false
    } else {
      lane.strikes = 0
      lane.isProven = true
    }
    running.resolve(outcome)
    if (lane.strikes >= poolLimits.strikes) {
      counters.suspended++
      options.log('warn', `codec ${running.scriptId}: suspended: ${(suspended as { error: string }).error}`)
      for (const { resolve } of lane.waiting.splice(0)) resolve(suspended)
    }
    if (lane.waiting.length > 0) turns.push(running.scriptId)
    dispatch()
  }

  function end(thread: Thread) {
    threads = threads.filter((each) => each !== thread)
    thread.running = null
    void thread.worker.terminate()
  }

  function startThread(): Thread {
    module ??= compileQuickJs()
    const cpuAtBegin = new SharedArrayBuffer(8)
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'codecs',
      workerData: { module, cpuAtBegin } satisfies WorkerStart,
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 },
    })
    const thread: Thread = {
      worker,
      isReady: false,
      threadId: null,
      cpuAtBegin: new Float64Array(cpuAtBegin),
      sources: new Set(),
      running: null,
    }
    const starting = setTimeout(() => fail(new Error('it does not start')), poolLimits.startMs)
    const fail = (error: Error) => {
      clearTimeout(starting)
      if (isClosed || !threads.includes(thread)) return
      options.log('error', `codecs: a thread ended: ${error.message}`)
      const { running } = thread
      end(thread)
      if (running !== null) settle(running, { ok: false, kind: 'error', error: error.message })
      // A machine that cannot start threads is asked again, but not in a circle.
      else setTimeout(dispatch, 1000).unref()
    }
    worker.on('message', (message: WorkerMessage) => {
      if ('ready' in message) {
        clearTimeout(starting)
        thread.isReady = true
        thread.threadId = message.ready.threadId
        dispatch()
        return
      }
      const { running } = thread
      if (running === null) return
      thread.running = null
      settle(running, message.outcome)
    })
    worker.on('error', (error) => fail(error as Error))
    worker.on('exit', () => fail(new Error('it ended')))
    worker.unref()
    return thread
  }

  return {
    run,
    counters,
    /** Whether a codec is suspended. */
    isSuspended: (scriptId: string) => (lanes.get(scriptId)?.strikes ?? 0) >= poolLimits.strikes,
    /** Ends the threads; what still waits is answered as an error. */
    async close() {
      isClosed = true
      const closing: TaskOutcome = { ok: false, kind: 'error', error: 'the codecs are being closed' }
      for (const { running } of threads)
        if (running !== null) {
          clearTimeout(running.timer)
          running.resolve(closing)
        }
      for (const { waiting } of lanes.values()) for (const { resolve } of waiting.splice(0)) resolve(closing)
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
      threads = []
    },
  }
}

export type ScriptPool = ReturnType<typeof openScriptPool>

// Of /proc/[pid]/task/[tid]/stat, proc(5): user and system time in ticks of 10 ms. Where that cannot be read, a run
// counts as having had all the time it asks for.
function readCpuMs(threadId: string | null): number {
  if (threadId === null) return Number.POSITIVE_INFINITY
  try {
    const fields = readFileSync(`/proc/self/task/${threadId}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
