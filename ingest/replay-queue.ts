import type { DatabaseSync } from 'node:sqlite'
import { type Detail, Problem, type ProblemCode } from '../domain/problem.ts'
import { type ReplayRequest, takeRequests } from '../inventory/requests.ts'
import type { ReplayState } from '../store/ingest-file.ts'
import type { Registry } from '../store/registry.ts'
import type { DecodeRules } from './decode.ts'
import { isPermanent } from './permanent.ts'
import { type ReplayTools, runReplay } from './replay.ts'

const askEveryMs = 250
const holdPollMs = 50

/**
 * The replays that the registry's `requests` ask for, one after another, a step at a time; their states are answered in
 * ingest's own file. One that a crash or a failing disk interrupted begins again.
 */
export function openReplayQueue(options: {
  database: DatabaseSync
  registry: Registry
  tools: Omit<ReplayTools, 'rules'>
  /** Rules with a memory of frames of its own, for each replay. */
  newRules(): DecodeRules
  /** Whether the journal's writer has heard that no segment may go now. */
  isJournalHeld(): boolean
  onEnded(): void
  log(level: 'info' | 'warn', text: string): void
}) {
  const { database, registry, log } = options
  const put = database.prepare(`
    INSERT OR REPLACE INTO replays (id, state, uplinks, readings, dead_letters, code, detail, finished_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
  const answered = database.prepare(`SELECT max(id) AS id FROM replays WHERE state <> 'running'`)
  let lastId = (answered.get() as { id: string | null }).id ?? ''
  // A replay that was interrupted needs the whole journal that it began with.
  let isHolding = database.prepare(`SELECT 1 FROM replays WHERE state = 'running'`).get() !== undefined
  let current: { request: ReplayRequest; steps: AsyncGenerator<ReplayState> } | null = null
  let askedAt = 0

  function answer(state: ReplayState) {
    const { id, uplinks, readings, deadLetters, code = null, detail, finishedAt = null } = state
    const text = detail === undefined ? null : JSON.stringify(detail)
    put.run(id, state.state, uplinks, readings, deadLetters, code, text, finishedAt)
  }

  // Begins the next one that was asked for, if any. From its first answer on a crash leaves it to be done again.
  async function begin() {
    if (Date.now() - askedAt < askEveryMs) return
    askedAt = Date.now()
    const request = (await takeRequests(registry, lastId))[0]
    isHolding = request !== undefined
    if (request === undefined) return
    await options.tools.book.refresh(true)
    current = { request, steps: runReplay(request, { ...options.tools, rules: options.newRules() }) }
    answer({ id: request.id, state: 'running', uplinks: 0, readings: 0, deadLetters: 0 })
    log('info', `ingest: replay ${request.id} begins`)
  }

  /** One step of the replay at hand; tells whether there is more to do at once. */
  async function step(): Promise<boolean> {
    if (current === null) await begin()
    if (current === null) return false
    if (!options.isJournalHeld()) {
      await new Promise((resolve) => setTimeout(resolve, holdPollMs))
      return true
    }
    const { request, steps } = current
    try {
      const state = (await steps.next()).value as ReplayState
      answer(state)
      if (state.state === 'running') return true
      log('info', `ingest: replay ${request.id} done: ${state.readings} readings of ${state.uplinks} uplinks`)
    } catch (error) {
      if (!isPermanent(error) && !(error instanceof Problem)) {
        current = null
        throw error
      }
      answer({ ...failure(error as Error), id: request.id, uplinks: 0, readings: 0, deadLetters: 0 })
      log('warn', `ingest: replay ${request.id} refused: ${(error as Error).message}`)
    }
    lastId = request.id
    current = null
    isHolding = false
    options.onEnded()
    return true
  }

  return {
    step,
    /** Whether the whole journal is needed. */
    get isHolding() {
      return isHolding
    },
  }
}

function failure(error: Error): { state: 'failed'; code: ProblemCode; detail?: Detail; finishedAt: number } {
  const state = 'failed'
  const finishedAt = Date.now()
  if (!(error instanceof Problem)) return { state, code: 'internal', detail: error.message, finishedAt }
  const { code, detail } = error
  return { state, code, ...(detail === undefined ? {} : { detail }), finishedAt }
}
