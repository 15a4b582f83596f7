import type { AssetCondition, AssetLifeCycle, AssetState, DeviceLifeCycle } from '../../../domain/asset.ts'
import type { AssetKind } from '../../../domain/asset-kind.ts'
import type { Calibration } from '../../../domain/calibration.ts'
import type { DeadLetterReason } from '../../../domain/fault.ts'
import type { Label, QuantityDefinition } from '../../../domain/quantity.ts'
import type { Role } from '../../../domain/role.ts'
import { ApiError, type ProblemDocument } from './api-error.ts'
import type { Language } from './language.ts'
import { awaitAnswer } from './waiting.svelte.ts'

export { ApiError, type ProblemDocument } from './api-error.ts'

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
  return readBody<Answer>(await send('GET', `/api/v1${path}${text === '' ? '' : `?${text}`}`))
}

// No object has it: the API refuses the change, and says why.
const tagOfNothing = '"another"'

/**
 * The tag for `ifMatch` of an object that the reader saw as `seen`, so that nobody's newer change is undone without a
 * word. Throws ApiError.
 */
export async function findTag(path: string, seen: object): Promise<string> {
  const response = await send('GET', `/api/v1${path}`)
  const isSame = JSON.stringify(readBody(response)) === JSON.stringify(seen)
  return (isSame ? response.tag : undefined) ?? tagOfNothing
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
  return readBody<Answer>(await send(method, `/api/v1${path}`, body, options))
}

/** The roles of the platform; told with 503 too, when one of them is not ready. */
export async function getHealth(): Promise<Record<string, RoleHealth>> {
  const { status, text } = await reach('GET', '/health')
  const { roles } = (parse(text) ?? {}) as { roles?: Record<string, RoleHealth> }
  if (roles === undefined) throw new ApiError(status)
  return roles
}

/** The platform's own numbers by name, out of the text that Prometheus reads; labels are left out. */
export async function getMetrics(): Promise<Map<string, number>> {
  const { text } = await send('GET', '/metrics')
  return new Map(Array.from(text.matchAll(/^(\w+) (\S+)$/gm), ([, name, value]) => [name!, Number(value)]))
}

/**
 * `reason` is kept in the audit with the change; `ifMatch` is the tag that the object must still have; what takes long, as
 * a large file, may have another time limit.
 */
type SendOptions = { reason?: string; timeoutMs?: number; ifMatch?: string }

type Response = { ok: boolean; status: number; tag: string | undefined; text: string }

async function send(method: string, path: string, body?: unknown, options: SendOptions = {}): Promise<Response> {
  const response = await reach(method, path, body, options)
  if (response.ok) return response
  if (response.status === 401 && method === 'GET') onSignedOut()
  throw new ApiError(response.status, (parse(response.text) ?? {}) as ProblemDocument)
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
  // An answer that breaks off in the middle is none.
  const readAll = async () => {
    const response = await fetch(path, {
      method,
      headers,
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const { ok, status } = response
    return { ok, status, tag: response.headers.get('etag') ?? undefined, text: await response.text() }
  }
  try {
    return await awaitAnswer(readAll())
  } catch {
    throw new ApiError(0)
  }
}

/** A document, or undefined for none; something between may answer in the place of the API, as a proxy does. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readBody<Answer>({ text }: Response): Answer {
  const body = parse(text)
  if (body === undefined && text !== '') throw new ApiError(0)
  return body as Answer
}
