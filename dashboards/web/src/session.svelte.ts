import { ApiError, type Credentials, change, get, type Session, whenSignedOut } from './api.ts'
import { i18n } from './i18n.svelte.ts'

type State =
  | { at: 'unknown' }
  | { at: 'in'; session: Session }
  /** `ended` when a session was there before and is no more. */
  | { at: 'out'; error: ApiError | null; ended: boolean }
  /** Came with a one-time link, by which a password is chosen. */
  | { at: 'link'; link: string }
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
  /** Signs in by a token in the address (`#token=...`), uses a link (`#link=...`), else finds out who is signed in. */
  async start(): Promise<void> {
    const token = takeFromAddress('token')
    if (token !== null) return this.signIn({ token })
    const link = takeFromAddress('link')
    if (link !== null) {
      state = { at: 'link', link }
      return
    }
    try {
      state = { at: 'in', session: await get<Session>('/session') }
    } catch (error) {
      if (error instanceof ApiError && error.status !== 401) state = { at: 'unreachable', error }
    }
  },
  async signIn(credentials: Credentials): Promise<void> {
    try {
      this.enter(await change<Session>('POST', '/session', credentials))
    } catch (error) {
      state = { at: 'out', error: error as ApiError, ended: false }
    }
  },
  /** Someone has just signed in: from here on the pages speak the language that the person chose. */
  enter(session: Session): void {
    i18n.choose(session.language)
    state = { at: 'in', session }
  },
  /** Back to where one signs in. */
  leave(): void {
    state = { at: 'out', error: null, ended: false }
  },
  async signOut(): Promise<void> {
    await change('DELETE', '/session').catch(() => {})
    this.leave()
  },
}

/** What the address holds once only; it is wiped there at once so that it is neither shared nor kept in the history. */
function takeFromAddress(name: string): string | null {
  const { hash } = location
  if (!hash.startsWith(`#${name}=`)) return null
  history.replaceState(null, '', location.pathname)
  return decodeText(hash.slice(name.length + 2))
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
