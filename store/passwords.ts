import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { normalizePassword } from '../domain/password.ts'
import { Problem } from '../domain/problem.ts'

/*
 * What is kept of a person's password: argon2id with 19 MiB and two passes (OWASP Password Storage Cheat Sheet), in
 * the PHC string format, so that a hash tells how it was made.
 */

const cost = { memory: 19_456, passes: 2, parallelism: 1 }
const nonceBytes = 16
const tagBytes = 32

// argon2 runs in libuv's pool of four threads, which the journal's fsync needs too.
const maxAtOnce = 2

/** Passwords that wait for their turn; who comes beyond is asked to come back. */
const maxWaiting = 20

/** A hash that no password has: checked for an account that is not there, it takes as long as any other. */
export const nobodysPassword = format(cost, Buffer.alloc(nonceBytes), Buffer.alloc(tagBytes))

/** Throws Problem `too_many_requests` when too many wait. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(nonceBytes)
  return format(cost, nonce, await derive(password, nonce, cost))
}

/** Whether a password is the one kept. Throws Problem `too_many_requests` when too many wait. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(stored)
  if (match === null) throw new Error('this is no password hash of ours')
  const [memory, passes, parallelism] = match.slice(1, 4).map(Number) as [number, number, number]
  const hash = await derive(password, Buffer.from(match[4]!, 'base64'), { memory, passes, parallelism })
  const expected = Buffer.from(match[5]!, 'base64')
  return hash.length === expected.length && timingSafeEqual(hash, expected)
}

function format({ memory, passes, parallelism }: typeof cost, nonce: Buffer, hash: Buffer): string {
  const [salt, tag] = [nonce, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''))
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${salt}$${tag}`
}

let running = 0
const waiting: (() => void)[] = []

async function derive(password: string, nonce: Buffer, { memory, passes, parallelism }: typeof cost): Promise<Buffer> {
  if (running < maxAtOnce) running++
  else if (waiting.length >= maxWaiting) throw new Problem('too_many_requests')
  else await new Promise<void>((resolve) => waiting.push(resolve))
  try {
    const message = Buffer.from(normalizePassword(password))
    return await new Promise((resolve, reject) =>
      argon2('argon2id', { message, nonce, memory, passes, parallelism, tagLength: tagBytes }, (error, hash) =>
        error === null ? resolve(hash) : reject(error),
      ),
    )
  } finally {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}
