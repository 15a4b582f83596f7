import { formatTime } from '../domain/time.ts'
import type { City, PlannedDevice } from './plan.ts'
import type { Run } from './run-file.ts'

/** Requests that wait for an answer at once while the city is registered. */
const requestsAtOnce = 16

/** Times that a request is tried while the platform is not ready or cannot be reached. */
const tries = 8

/** What the platform answers: the status, and the document. */
type Answer = { status: number; body: { code?: string; title?: string; detail?: string; [key: string]: unknown } }

/** The platform's HTTP API, as any other program uses it: an address and a token. */
export type Platform = {
  /** Throws when the platform cannot be reached or is not ready after some tries, or once `signal` is aborted. */
  request(method: string, path: string, body?: unknown): Promise<Answer>
}

/** A platform at an address such as `http://127.0.0.1:8080`. */
export function openPlatform(options: { httpUrl: string; token: string; signal: AbortSignal }): Platform {
  const { httpUrl, token, signal } = options
  const base = `${httpUrl.replace(/\/$/, '')}/api/v1`

  async function tryOnce(method: string, path: string, body: unknown): Promise<Answer> {
    const response = await fetch(base + path, {
      method,
      signal,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
  }

  return {
    async request(method, path, body) {
      for (let tried = 1; ; tried++) {
        try {
          const answer = await tryOnce(method, path, body)
          if ((answer.status !== 503 && answer.status !== 429) || tried === tries) return answer
        } catch (error) {
          if (signal.aborted || tried === tries) throw error
        }
        await pause(100 * 2 ** tried, signal)
      }
    },
  }
}

/** Waits, no longer than until `signal` is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve()
    }
    const timer = setTimeout(stop, ms)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
}

/** Runs `work` over all items, `atOnce` of them at a time; the first failure ends it. */
export async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>) {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}

/**
 * Registers a city: assets, devices, and what is installed where. What is there already is left as it is. Devices'
 * secrets go to `run.secrets`, and are saved before the devices are installed. Answers the devices whose secret is
 * known; one that somebody else registered is left out.
 */
export async function registerCity(platform: Platform, city: City, run: Run, save: () => void) {
  await inParallel(city.assets, requestsAtOnce, async (asset) => {
    check(await platform.request('POST', '/assets', asset), asset.id, ['already_exists'])
  })
  await inParallel(city.devices, requestsAtOnce, (device) => registerDevice(platform, device, run))
  save()
  await inParallel(city.installations, requestsAtOnce, async ({ installedAt, ...installation }) => {
    const { deviceId } = installation
    if (run.secrets[deviceId] === undefined) return
    const body = { ...installation, installedAt: formatTime(installedAt) }
    check(await platform.request('POST', '/installations', body), deviceId, ['overlapping_installation'])
  })
  return city.devices.filter((device) => run.secrets[device.id] !== undefined)
}

async function registerDevice(platform: Platform, device: PlannedDevice, run: Run): Promise<void> {
  const { id, model, label, intervalMs } = device
  const path = `/devices/${encodeURIComponent(id)}`
  const wanted = { id, model, label, expectedIntervalS: intervalMs / 1000 }
  let answer = check(await platform.request('POST', '/devices', wanted), id, ['already_exists'])
  if (answer.body.code === 'already_exists') {
    if (run.secrets[id] !== undefined) return
    // A run that was killed before it saved the secrets left devices that are not installed: they can be taken back.
    const removed = await platform.request('DELETE', path)
    if (removed.status >= 300) return
    answer = check(await platform.request('POST', '/devices', wanted), id, [])
  }
  run.secrets[id] = String(answer.body.secret)
}

/** Throws for a refusal whose code is not among the expected ones. */
function check(answer: Answer, id: string, expected: readonly string[]): Answer {
  if (answer.status < 300 || expected.includes(answer.body.code ?? '')) return answer
  const { code, title, detail } = answer.body
  throw new Error(`The platform refused ${id}: ${answer.status} ${code ?? ''} ${title ?? ''} ${detail ?? ''}`.trim())
}
