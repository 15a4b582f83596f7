import { ApiError, change, get, type Page, type ProblemDocument } from '../../api.ts'
import { follow } from '../../follow.ts'
import { headOf } from './csv-file.ts'

export const importKinds = ['assets', 'devices'] as const
export type ImportKind = (typeof importKinds)[number]
/** Which column becomes which field, what stands in the place of values, and what the file does not say. */
export type Mapping = {
  columns: Record<string, string>
  defaults: Record<string, string>
  values: Record<string, Record<string, string>>
  templates: Record<string, string>
}
export type ImportField = { name: string; type: string; isNeeded: boolean; options: string[] | null }
export type Preview = {
  encoding: string
  separator: string
  lineCount: number
  columns: { name: string; values: string[]; valueCount: number }[]
  fields: ImportField[]
  mapping: Mapping
  lines: { line: number; fields: Record<string, unknown>; errors: { column: string | null; message: string }[] }[]
}
export type Outcome = {
  importId: string | null
  created: number
  changed: number
  unchanged: number
  installed: number
  changes: { line: number; id: string; fields: Record<string, { before: unknown; after: unknown }> }[]
  devices: { id: string; secret: string }[]
}
type Job = {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
  phase: string | null
  done: number
  total: number
  outcome: Outcome | null
  problem: ProblemDocument | null
}
export type Profile = { name: string; mapping: Mapping }

const askAgainMs = 300
const uploadTimeoutMs = 110_000
/** An address holds no more; a saved profile does. */
const mostMappingChars = 12_000

/** One import on its way: a file, how it is read, what a dry run says of it, and what came of it. */
export function createImport() {
  let kind = $state<ImportKind>('assets')
  let file = $state.raw<File | null>(null)
  // How the whole file was understood; its lines are those of the mapping as it is now.
  let preview = $state.raw<Preview | null>(null)
  let isReading = $state(false)
  let error = $state.raw<ApiError | null>(null)
  let job = $state.raw<Job | null>(null)
  let checked = $state.raw<Outcome | null>(null)
  let refused = $state.raw<ApiError | null>(null)
  let done = $state.raw<Outcome | null>(null)
  let profiles = $state.raw<Profile[]>([])
  let isImporting = $state(false)
  let isBusy = $state(false)
  // Counts up with the file and its mapping: what is said of an older one counts no more.
  let newest = 0

  async function read(content: Blob, mapping: Mapping | null): Promise<void> {
    const request = ++newest
    isReading = true
    forgetCheck()
    try {
      const path = `/imports/${kind}/preview${mapping === null ? '' : `?${toQuery(mapping)}`}`
      const answer = await change<Preview>('POST', path, toCsvBody(content), { timeoutMs: uploadTimeoutMs })
      if (request !== newest) return
      // The head of a file knows its first lines only.
      preview = preview === null || mapping === null ? answer : { ...preview, mapping, lines: answer.lines }
      error = null
    } catch (thrown) {
      if (request === newest) error = thrown as ApiError
    }
    if (request === newest) isReading = false
  }

  function toQuery(mapping: Mapping): string {
    const text = JSON.stringify(mapping)
    const saved = profiles.find((each) => JSON.stringify(each.mapping) === text)
    const query = new URLSearchParams(saved === undefined ? { mapping: text } : { profile: saved.name }).toString()
    if (query.length > mostMappingChars) throw new ApiError(413, { code: 'mapping_too_long' })
    return query
  }

  function forgetCheck(): void {
    checked = null
    refused = null
  }

  /**
   * Runs the import, or a dry run of it, and follows it to its end. Null when it was refused, or the file or its mapping
   * are others by then.
   */
  async function run(isDryRun: boolean, allowsChanges: boolean): Promise<Outcome | null> {
    if (isBusy) return null
    isBusy = true
    refused = null
    const request = newest
    try {
      const options = `dryRun=${isDryRun}&allowChanges=${allowsChanges}&wait=false&${toQuery(preview!.mapping)}`
      const begun = await change<Job>('POST', `/imports/${kind}?${options}`, toCsvBody(file!), {
        reason: file!.name.slice(0, 400),
        timeoutMs: uploadTimeoutMs,
      })
      const ask = () => get<Job>(`/imports/jobs/${begun.id}`)
      const { problem, outcome } = await follow(begun, ask, (at) => (job = at), askAgainMs)
      if (problem !== null) throw new ApiError(409, problem)
      return request === newest ? outcome : null
    } catch (thrown) {
      if (request === newest) refused = thrown as ApiError
      return null
    } finally {
      job = null
      isBusy = false
    }
  }

  return {
    get kind() {
      return kind
    },
    get file() {
      return file
    },
    get preview() {
      return preview
    },
    get isReading() {
      return isReading
    },
    /** Why the file cannot be read. */
    get error() {
      return error
    },
    get job() {
      return job
    },
    /** Whether an import or a dry run is under way; while the file is being sent there is no job yet. */
    get isBusy() {
      return isBusy
    },
    /** Whether it is the import itself: what it is made of stays as it is meanwhile. */
    get isImporting() {
      return isImporting
    },
    /** What a dry run says that the import would do. */
    get checked() {
      return checked
    },
    /** Why a dry run or the import was refused, line by line. */
    get refused() {
      return refused
    },
    get done() {
      return done
    },
    get profiles() {
      return profiles
    },
    chooseKind(chosen: ImportKind): void {
      if (isImporting) return
      kind = chosen
      preview = null
      if (file !== null) void read(file, null)
    },
    chooseFile(chosen: File): void {
      if (isImporting) return
      file = chosen
      preview = null
      done = null
      void read(chosen, null)
    },
    async remap(mapping: Mapping): Promise<void> {
      if (file === null || preview === null || isImporting) return
      preview = { ...preview, mapping }
      await read(await headOf(file), mapping)
    },
    async check(): Promise<void> {
      checked = await run(true, true)
    },
    async start(allowsChanges: boolean): Promise<void> {
      if (isBusy) return
      isImporting = true
      done = await run(false, allowsChanges)
      isImporting = false
      if (done !== null) checked = null
    },
    reset(): void {
      newest++
      file = null
      preview = null
      error = null
      done = null
      isReading = false
      forgetCheck()
    },
    async loadProfiles(): Promise<void> {
      profiles = (await get<Page<Profile>>('/import-profiles')).items
    },
    async saveProfile(name: string): Promise<void> {
      await change('PUT', `/import-profiles/${encodeURIComponent(name)}`, preview!.mapping)
      await this.loadProfiles()
    },
    async removeProfile(name: string): Promise<void> {
      await change('DELETE', `/import-profiles/${encodeURIComponent(name)}`)
      await this.loadProfiles()
    },
  }
}

export type ImportRun = ReturnType<typeof createImport>

let kept: { owner: object; run: ImportRun } | null = null

/** The import of who is signed in: while it is under way, or what came of it is shown, who leaves the page finds it again. */
export function takeImport(owner: object): ImportRun {
  const isKept = kept?.owner === owner && (kept.run.isBusy || kept.run.done !== null)
  if (kept === null || !isKept) kept = { owner, run: createImport() }
  return kept.run
}

function toCsvBody(content: Blob): Blob {
  return new Blob([content], { type: 'text/csv' })
}
