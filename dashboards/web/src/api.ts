import type { AssetCondition, AssetLifeCycle, AssetState, DeviceLifeCycle } from '../../../domain/asset.ts'
import type { AssetKind } from '../../../domain/asset-kind.ts'
import type { Calibration } from '../../../domain/calibration.ts'
import type { DeadLetterReason } from '../../../domain/fault.ts'
import type { Label, QuantityDefinition } from '../../../domain/quantity.ts'
import type { Role } from '../../../domain/role.ts'
import type { Language } from './language.ts'
import { awaitAnswer } from './waiting.svelte.ts'

/** What the API answers, as far as the pages read it. Times are RFC 3339, UTC. */
export type Session = {
  role: Role
  name: string | null
  /** To which it is limited; null for all. */
  services: string[] | null
  /** Null for a token. */
  login: string | null
  language: Language
}
/** What one signs in with. */
export type Credentials = { token: string } | { login: string; password: string }
export type Reading = {
  deviceId: string
  channel: string
  quantity: string
  value: number
  unit: string
  observedAt: string
  receivedAt: string
}
export type AssetStatus = {
  assetId: string
  kind: AssetKind
  label: string
  state: AssetState
  since: string
  lastSeenAt: string | null
  battery: number | null
  attentions: string[]
  deviceId: string | null
  service: string | null
  district: string | null
  latitude: number | null
  longitude: number | null
}
export type StateCount = { kind: AssetKind; state: AssetState; count: number }
export type Asset = {
  id: string
  kind: AssetKind
  label: string
  inventoryNumber: string | null
  latitude: number | null
  longitude: number | null
  address: string | null
  district: string | null
  commune: string | null
  service: string | null
  parentId: string | null
  lifeCycle: AssetLifeCycle
  condition: AssetCondition | null
  acquiredOn: string | null
  commissionedOn: string | null
  warrantyUntil: string | null
  attributes: Record<string, string | number | boolean | null>
}
export type Device = {
  id: string
  model: string
  label: string | null
  expectedIntervalS: number | null
  lifeCycle: DeviceLifeCycle
}
export type Installation = {
  id: string
  deviceId: string
  assetId: string
  channel: string | null
  installedAt: string
  removedAt: string | null
  calibration: Calibration | null
  recordedAt: string
}
export type Series = { deviceId: string; channel: string; quantity: string; points: [string, number][] }
export type DeadLetter = {
  id: string
  reason: DeadLetterReason
  detail: string
  deviceId: string | null
  topic: string
  /** Base64. */
  payload: string
  receivedAt: string
}
export type ReasonCount = { reason: DeadLetterReason; count: number }
export type Quantity = QuantityDefinition & { name: string }
export type Model = { id: string; vendor: string; label: Label; expectedIntervalS: number }
export type RoleHealth = { ready: boolean; since: string | null; detail?: string }
export type Page<Item> = { items: Item[]; next: string | null }

/** What is wrong with one part of a request: a field, or a cell of a file. */
export type FieldProblem = { path: string; message: string; line?: number; column?: string }
/** What the API tells of a refusal, in the language that was asked for: RFC 9457. */
export type ProblemDocument = { code?: string; title?: string; detail?: string; errors?: FieldProblem[] }

/** A refusal of the API, or its silence: `status` 0 stands for no answer at all. */
export class ApiError extends Error {
  readonly status: number
  /** Of the table of problems; empty when the API did not answer. */
  readonly code: string
  /** What is the matter, in general. */
  readonly title: string
  /** What the API says of the object that is meant. */
  readonly detail: string
  readonly errors: readonly FieldProblem[]

  constructor(status: number, { code = '', title = '', detail = '', errors = [] }: ProblemDocument = {}) {
    super(`${status} ${detail}`)
    this.status = status
    this.code = code
    this.title = title
    this.detail = detail
    this.errors = errors
  }
}

type Params = Record<string, string | number | null | undefined>

const requestTimeoutMs = 20_000

/** What happens when the API says that nobody is signed in; the session sets it. */
let onSignedOut: () => void = () => {}
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener
}

/** Asks `path` of the API; params that are empty are left out. Throws ApiError. */
export async function get<Answer>(path: string, params: Params = {}): Promise<Answer> {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value))
  const text = query.toString()
  const response = await send('GET', `/api/v1${path}${text === '' ? '' : `?${text}`}`)
  return (await response.json()) as Answer
}

/** One object with its tag, by which a change finds out whether somebody else was faster. Throws ApiError. */
export async function getTagged<Answer>(path: string): Promise<{ value: Answer; tag: string | undefined }> {
  const response = await send('GET', `/api/v1${path}`)
  return { value: (await response.json()) as Answer, tag: response.headers.get('etag') ?? undefined }
}

/**
 * Asks the API for a change: `change('PATCH', '/devices/probe-1', { label })`. A body is sent as JSON, a Blob as it is.
 * Answers what the API tells, undefined for nothing. Throws ApiError.
 */
export async function change<Answer = void>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  options: SendOptions = {},
): Promise<Answer> {
  const response = await send(method, `/api/v1${path}`, body, options)
  const text = await response.text()
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

/** The roles of the platform; told with 503 too, when one of them is not ready. */
export async function getHealth(): Promise<Record<string, RoleHealth>> {
  const response = await reach('GET', '/health')
  const answer = (await response.json().catch(() => ({}))) as { roles?: Record<string, RoleHealth> }
  if (answer.roles === undefined) throw new ApiError(response.status)
  return answer.roles
}

/** The platform's own numbers by name, out of the text that Prometheus reads; labels are left out. */
export async function getMetrics(): Promise<Map<string, number>> {
  const text = await (await send('GET', '/metrics')).text()
  return new Map(Array.from(text.matchAll(/^(\w+) (\S+)$/gm), ([, name, value]) => [name!, Number(value)]))
}

/**
 * `reason` is kept in the audit with the change; `ifMatch` is the tag that the object must still have; what takes long, as
 * a large file, may have another time limit.
 */
type SendOptions = { reason?: string; timeoutMs?: number; ifMatch?: string }

async function send(method: string, path: string, body?: unknown, options: SendOptions = {}): Promise<Response> {
  const response = await reach(method, path, body, options)
  if (response.ok) return response
  if (response.status === 401 && method === 'GET') onSignedOut()
  throw new ApiError(response.status, (await response.json().catch(() => ({}))) as ProblemDocument)
}

async function reach(
  method: string,
  path: string,
  body?: unknown,
  { reason, timeoutMs = requestTimeoutMs, ifMatch }: SendOptions = {},
): Promise<Response> {
  // The page's own language, which may be another than the browser's.
  const headers: Record<string, string> = { 'accept-language': document.documentElement.lang }
  if (body !== undefined) headers['content-type'] = body instanceof Blob ? body.type : 'application/json'
  if (ifMatch !== undefined) headers['if-match'] = ifMatch
  if (reason !== undefined) headers['x-parvis-reason'] = encodeURIComponent(reason)
  try {
    const asked = fetch(path, {
      method,
      headers,
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return await awaitAnswer(asked)
  } catch {
    throw new ApiError(0)
  }
}
