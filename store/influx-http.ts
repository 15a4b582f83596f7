import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)

/** How InfluxDB is reached: base address, what identifies us, and how long an answer may take; `signal` ends requests. */
export type InfluxConnection = {
  url: string
  headers: Record<string, string>
  timeoutMs: number
  signal?: AbortSignal | undefined
}

/** InfluxDB refused what was asked, and will refuse it again; `status` is that of HTTP. */
export class InfluxRefusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

// Longest error text that is kept of an answer, in characters: some versions repeat the refused lines.
const maxErrorLength = 500
// Below this many bytes gzip costs more than it saves.
const gzipFromBytes = 1024

/**
 * Asks InfluxDB, over connections that Node.js keeps open. Answers the text of a 2xx. Throws InfluxRefusal for a 4xx
 * but 408, 429 and what tells of our credentials, and an Error for all else, which may be tried again.
 */
export async function askInflux(
  { url, headers, timeoutMs, signal }: InfluxConnection,
  path: string,
  request: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string } = {},
): Promise<string> {
  const { method = 'GET', body } = request
  const isLarge = body !== undefined && body.length >= gzipFromBytes
  let answer: Response
  let text: string
  try {
    answer = await fetch(new URL(path, url), {
      method,
      headers: { ...headers, ...request.headers, ...(isLarge ? { 'content-encoding': 'gzip' } : {}) },
      body: isLarge ? ((await compress(body, { level: 1 })) as Uint8Array<ArrayBuffer>) : body,
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]),
    })
    text = await answer.text()
  } catch (error) {
    throw new Error(`InfluxDB at ${url} does not answer: ${describe(error as Error)}`)
  }
  if (answer.ok) return text
  const told = readError(text) || answer.statusText
  if (answer.status === 401 || answer.status === 403)
    throw new Error(`InfluxDB at ${url} does not accept our credentials (${answer.status}): ${told}`)
  if (answer.status >= 500 || answer.status === 408 || answer.status === 429)
    throw new Error(`InfluxDB at ${url} answered ${answer.status}: ${told}`)
  throw new InfluxRefusal(answer.status, told)
}

// 1.x answers {"error"}, 2.x {"message"}, 3 {"error", "data": [{"error_message"}]}.
function readError(text: string): string {
  try {
    const { error, message, data } = JSON.parse(text) as {
      error?: string
      message?: string
      data?: { error_message?: string }[]
    }
    const detail = Array.isArray(data) ? data[0]?.error_message : undefined
    return [error ?? message, detail]
      .filter((each) => each !== undefined)
      .join(': ')
      .slice(0, maxErrorLength)
  } catch {
    return text.trim().slice(0, maxErrorLength)
  }
}

// fetch says "fetch failed", and why only in its cause.
function describe(error: Error & { cause?: unknown }): string {
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}
