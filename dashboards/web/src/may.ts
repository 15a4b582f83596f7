import type { Role } from '../../../domain/role.ts'
import { roleAllows } from './pages.ts'
import { session } from './session.svelte.ts'

/** Whether who is signed in may do what is asked of at least a role: what may not be done is not offered. */
export function may(asked: Role): boolean {
  return session.state.at === 'in' && roleAllows(session.state.session.role, asked)
}
