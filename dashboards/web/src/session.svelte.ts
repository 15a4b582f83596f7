import { type ApiError, type Credentials, change, get, type Session, whenSignedOut } from './api.ts'
import { i18n } from './i18n.svelte.ts'
import { createNewest } from './newest.ts'

type State =
  | { at: 'unknown' }
  | { at: 'in'; session: Session }
  /** `ended` when a session was there before and is no more. */
  | { at: 'out'; error: ApiError | null; ended: boolean }
  /** Came with a one-time link, by which a password is chosen. */
  | { at: 'link'; link: string }
  /** The platform does not answer; `again` asks once more for what it was asked for. */
  | { at: 'unreachable'; error: ApiError; isLeaving: boolean; again: () => Promise<void> }

let state = $state.raw<State>({ at: 'unknown' })
const newest = createNewest()
// All tabs of a browser share one session: what one of them does with it, the others are told.
const tabs = new BroadcastChannel('parvis.session')

whenSignedOut(() => {
  // Several questions may have been on their way when the session ended; the first refusal tells of it, and none of
  // them takes away the link that somebody came with meanwhile.
  if (state.at === 'in' || state.at === 'unknown') state = { at: 'out', error: null, ended: state.at === 'in' }
})
tabs.addEventListener('message', () => void session.follow())

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
    await newest.ask(
      () => get<Session>('/session'),
      (found) => {
        state = { at: 'in', session: found }
      },
      (error) => {
        if (error.status !== 401) state = { at: 'unreachable', error, isLeaving: false, again: () => this.start() }
      },
    )
  },
  /** Another tab signed in or out: this one is what that one is, and shows nobody the page of somebody else. */
  async follow(): Promise<void> {
    const before = state
    if (before.at === 'link') return
    const found = await get<Session>('/session').catch(() => null)
    // Something was done here meanwhile, or an older question refused: what holds now is asked for once more.
    if (state !== before) return this.follow()
    if (found === null) return
    if (before.at !== 'in') state = { at: 'in', session: found }
    else if (JSON.stringify(before.session) !== JSON.stringify(found)) location.reload()
  },
  signIn(credentials: Credentials): Promise<void> {
    return newest.ask(
      () => change<Session>('POST', '/session', credentials),
      (entered) => this.enter(entered),
      (error) => {
        state = { at: 'out', error, ended: false }
      },
    )
  },
  /** Someone has just signed in: from here on the pages speak the language that the person chose. */
  enter(session: Session): void {
    i18n.choose(session.language)
    state = { at: 'in', session }
    tabs.postMessage('entered')
  },
  /** Back to where one signs in. */
  leave(): void {
    state = { at: 'out', error: null, ended: false }
  },
  /** Who could not be signed out still is signed in, and is told so: others may use this machine next. */
  signOut(): Promise<void> {
    const done = () => {
      this.leave()
      tabs.postMessage('left')
    }
    return newest.ask(
      () => change('DELETE', '/session'),
      done,
      (error) => {
        if (error.status === 401) done()
        else state = { at: 'unreachable', error, isLeaving: true, again: () => this.signOut() }
      },
    )
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
