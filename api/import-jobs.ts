import { randomUUIDv7 } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config.ts'
import { type Detail, type PartProblem, Problem, type ProblemCode } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import type { ImportTask } from './import-thread.ts'

/** How far an import is. Its outcome is told for a while after its end. */
export type ImportJob = {
  id: string
  /** Who asked for it: nobody else is told of it. */
  actorId: string
  state: 'queued' | 'running' | 'done' | 'failed'
  phase: string | null
  done: number
  total: number
  outcome: unknown
  problem: Problem | null
  finished: Promise<unknown>
}

const maxQueued = 10
const maxRemembered = 100

type Message =
  | { progress: { phase: string; done: number; total: number } }
  | { outcome: unknown }
  | { problem: { code: ProblemCode; detail?: Detail; errors?: PartProblem[] } }

/**
 * Runs imports one after the other, each in a thread of its own. `start` throws Problem `too_many_requests` when too many
 * wait; `close` ends the one that runs, which leaves nothing of it.
 */
export function openImportJobs(config: Config) {
  const jobs = new Map<string, ImportJob>()
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let running: Worker | null = null
  let isClosing = false

  function run(job: ImportJob, task: ImportTask): Promise<unknown> {
    job.state = 'running'
    return new Promise((resolve, reject) => {
      if (isClosing) return reject(new Problem('not_ready'))
      const worker = new Worker(new URL('./import-thread.ts', import.meta.url), { name: 'import', workerData: task })
      running = worker
      worker.on('message', (message: Message) => {
        if ('progress' in message) Object.assign(job, message.progress)
        else if ('outcome' in message) resolve(message.outcome)
        else reject(new Problem(message.problem.code, message.problem.detail, message.problem.errors))
      })
      worker.on('error', reject)
      worker.on('exit', () => {
        running = null
        reject(new Problem('not_ready'))
      })
    })
  }

  return {
    start(access: Access, work: ImportTask['work']): ImportJob {
      if (waiting >= maxQueued)
        throw new Problem('too_many_requests', { fr: 'trop d’imports attendent', en: 'too many imports wait' })
      const { actor, services, reason } = access
      const job: ImportJob = {
        id: randomUUIDv7(),
        actorId: actor.id,
        state: 'queued',
        phase: null,
        done: 0,
        total: 0,
        outcome: null,
        problem: null,
        finished: Promise.resolve(),
      }
      waiting++
      job.finished = last
        .then(() => run(job, { config, actor, services, reason, work }))
        .then(
          (outcome) => {
            Object.assign(job, { state: 'done', outcome })
            return outcome
          },
          (error: unknown) => {
            Object.assign(job, { state: 'failed', problem: error instanceof Problem ? error : new Problem('internal') })
            throw error
          },
        )
        .finally(() => waiting--)
      last = job.finished.catch(() => {})
      jobs.set(job.id, job)
      if (jobs.size > maxRemembered) jobs.delete(jobs.keys().next().value!)
      return job
    },
    get: (id: string) => jobs.get(id),
    async close() {
      isClosing = true
      await running?.terminate()
    },
  }
}

export type ImportJobs = ReturnType<typeof openImportJobs>
