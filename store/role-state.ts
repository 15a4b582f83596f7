import { closeSync, mkdirSync, openSync, readFileSync, write, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Detail } from '../domain/problem.ts'

/** The roles of the platform, each of which may run in a process of its own. */
export const roles = ['broker', 'ingest', 'api'] as const
export type Role = (typeof roles)[number]

/**
 * What a role tells of itself. `since` is when `ready` last changed (UTC epoch ms), `detail` says why it is not ready,
 * `counters` are numbers for the metrics. `stale` means that the role stopped telling: it is dead or stuck.
 */
export type RoleState = {
  role: Role
  pid: number
  ready: boolean
  since: number
  detail?: Detail | undefined
  counters: Record<string, number>
  toldAt: number
  stale: boolean
}

const fileBytes = 8192
const staleAfterMs = 5000

/**
 * Opens the state file of a role. The file has a fixed length and is overwritten in place, so that a role can still
 * tell that the disk is full when it is. `tell` does not wait for the disk, which may take long when it is busy: a state
 * that comes while one is being written is passed over.
 */
export function openRoleState(dataDir: string, role: Role) {
  mkdirSync(join(dataDir, 'state'), { recursive: true })
  const file = openSync(stateFile(dataDir, role), 'w')
  let since = Date.now()
  let wasReady: boolean | undefined
  let writing: Promise<void> | null = null
  let isClosed = false

  function encode(state: { ready: boolean; detail?: Detail | undefined; counters: Record<string, number> }): Buffer {
    if (state.ready !== wasReady) since = Date.now()
    wasReady = state.ready
    const text = JSON.stringify({ role, pid: process.pid, since, toldAt: Date.now(), ...state })
    return Buffer.alloc(fileBytes, ' ').fill(text, 0, Buffer.byteLength(text))
  }

  return {
    /** Resolves once it is written, or what was being written before it. */
    async tell(state: {
      ready: boolean
      detail?: Detail | undefined
      counters: Record<string, number>
    }): Promise<void> {
      if (isClosed) return
      writing ??= new Promise<void>((resolve) =>
        write(file, encode(state), 0, fileBytes, 0, () => {
          writing = null
          resolve()
        }),
      )
      await writing
    },
    async close(): Promise<void> {
      isClosed = true
      await writing
      end()
    },
  }

  function end() {
    writeSync(file, encode({ ready: false, detail: { fr: 'arrêté', en: 'stopped' }, counters: {} }), 0, fileBytes, 0)
    closeSync(file)
  }
}

/** What every role last told; one that never ran here is not ready and stale. */
export function readRoleStates(dataDir: string): RoleState[] {
  return roles.map((role) => readRoleState(dataDir, role))
}

/** What one role last told. */
export function readRoleState(dataDir: string, role: Role): RoleState {
  try {
    const told = JSON.parse(readFileSync(stateFile(dataDir, role), 'utf8')) as Omit<RoleState, 'stale'>
    const stale = Date.now() - told.toldAt > staleAfterMs
    if (!stale) return { ...told, stale }
    return { ...told, ready: false, detail: told.detail ?? { fr: 'ne répond pas', en: 'does not answer' }, stale }
  } catch {
    return {
      role,
      pid: 0,
      ready: false,
      since: 0,
      detail: { fr: 'pas démarré', en: 'not started' },
      counters: {},
      toldAt: 0,
      stale: true,
    }
  }
}

function stateFile(dataDir: string, role: Role): string {
  return join(dataDir, 'state', `${role}.json`)
}
