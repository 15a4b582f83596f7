import { type ApiError, change, get } from './api.ts'
import { follow } from './follow.ts'

type Replay = {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
  uplinks: number
  readings: number
  deadLetters: number
  detail: string | null
}
/** What is to be read again: all that a device sent in a span, or all that came from anyone. Times are RFC 3339. */
export type ReplaySpan = { deviceId?: string; from?: string; to?: string }

const askAgainMs = 500

/** Replays one after the other, followed to their end; their counts are told together. */
export function createReplay() {
  let state = $state<'idle' | 'queued' | 'running' | 'done' | 'failed'>('idle')
  let ended = $state.raw<Replay[]>([])
  let current = $state.raw<Replay | null>(null)
  let error = $state.raw<ApiError | null>(null)

  async function run(id: string): Promise<void> {
    const ask = () => get<Replay>(`/replays/${id}`)
    const tell = (replay: Replay) => {
      current = replay
      state = replay.state
    }
    ended = [...ended, await follow(await ask(), ask, tell, askAgainMs)]
    current = null
  }

  async function runAll(ids: () => AsyncIterable<string>): Promise<void> {
    state = 'queued'
    ended = []
    error = null
    try {
      for await (const id of ids()) await run(id)
      state = ended.some((each) => each.state === 'failed') ? 'failed' : 'done'
    } catch (thrown) {
      error = thrown as ApiError
      state = 'failed'
    }
  }

  return {
    get state() {
      return state
    },
    get isRunning() {
      return state === 'queued' || state === 'running'
    },
    get error() {
      return error
    },
    /** Why one of them failed, in the reader's language. */
    get detail(): string {
      return ended.find((each) => each.state === 'failed')?.detail ?? ''
    },
    get counts() {
      const all = current === null ? ended : [...ended, current]
      const sum = (name: 'uplinks' | 'readings' | 'deadLetters') => all.reduce((total, each) => total + each[name], 0)
      return { uplinks: sum('uplinks'), readings: sum('readings'), deadLetters: sum('deadLetters') }
    },
    /** Asks for replays and follows them. */
    start: (spans: readonly ReplaySpan[]) =>
      runAll(async function* () {
        for (const span of spans) yield (await change<Replay>('POST', '/replays', span)).id
      }),
    /** Follows one that was asked for already. */
    follow: (id: string) =>
      runAll(async function* () {
        yield id
      }),
  }
}

export type ReplayRun = ReturnType<typeof createReplay>
