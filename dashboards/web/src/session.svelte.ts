import { ApiError, createSession, deleteSession, get, type Session, whenSignedOut } from './api.ts'

type State =
  | { at: 'unknown' }
  | { at: 'in'; session: Session }
  /** `ended` when a session was there before and is no more. */
  | { at: 'out'; error: ApiError | null; ended: boolean }
  | { at: 'unreachable'; error: ApiError }

let state = $state.raw<State>({ at: 'unknown' })

whenSignedOut(() => {
  // Several questions may have been on their way when the session ended; the first refusal tells of it.
  if (state.at !== 'out') state = { at: 'out', error: null, ended: state.at === 'in' }
})

export const session = {
  get state(): State {
    return state
  },
  /** Signs in by a token in the address (`#token=...`), else finds out whether someone is signed in. */
  async start(): Promise<void> {
    const token = takeTokenFromAddress()
    if (token !== null) return this.signIn(token)
    try {
      state = { at: 'in', session: await get<Session>('/session') }
    } catch (error) {
      if (error instanceof ApiError && error.status !== 401) state = { at: 'unreachable', error }
    }
  },
  async signIn(token: string): Promise<void> {
    try {
      state = { at: 'in', session: await createSession(token.trim()) }
    } catch (error) {
      state = { at: 'out', error: error as ApiError, ended: false }
    }
  },
  async signOut(): Promise<void> {
    await deleteSession().catch(() => {})
    state = { at: 'out', error: null, ended: false }
  },
}

/** The token of the address, which is wiped there at once so that it is neither shared nor kept in the history. */
function takeTokenFromAddress(): string | null {
  const match = /^#token=(.+)$/.exec(location.hash)
  if (match === null) return null
  history.replaceState(null, '', location.pathname)
  return decodeText(match[1]!)
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
