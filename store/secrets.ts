import { createHash, createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { Problem } from '../domain/problem.ts'

/**
 * What is kept of a secret, as one text: `sha256$salt$hash` of one that Parvis generated, `scrypt$N$r$p$salt$hash` of
 * one that a person chose; salt and hash in base64url.
 */
export type StoredSecret = string

/** Shortest secret that a person may choose. */
export const minSecretLength = 16

const maxSecretLength = 256
const saltBytes = 16
const hashBytes = 32
const scryptCost = { N: 16_384, r: 8, p: 1 }

/** Verified secrets that are remembered, so that a thousand devices that come back do not cost 34 ms of CPU each. */
const maxRemembered = 20_000

// scrypt runs in libuv's pool of four threads, which the journal's fsync needs too.
const maxScryptsAtOnce = 2

/** A new secret: 256 random bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What to keep of a secret. Throws Problem `weak_secret` for a chosen one that is too short. */
export async function hashSecret(secret: string, { chosen }: { chosen: boolean }): Promise<StoredSecret> {
  if (!chosen) return hashGenerated(secret)
  const length = [...secret].length
  if (length < minSecretLength) throw new Problem('weak_secret')
  if (length > maxSecretLength)
    throw new Problem('bad_request', {
      fr: `un secret a au plus ${maxSecretLength} caractères`,
      en: `a secret has at most ${maxSecretLength} characters`,
    })
  const salt = randomBytes(saltBytes)
  const hash = await runScrypt(Buffer.from(secret), salt, scryptCost)
  const { N, r, p } = scryptCost
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** What to keep of a secret of 256 random bits: no search through them is possible, so one salted hash is enough. */
export function hashGenerated(secret: string): StoredSecret {
  const salt = randomBytes(saltBytes)
  return `sha256$${salt.toString('base64url')}$${sha256(salt, secret).toString('base64url')}`
}

/**
 * Whether `secret` is the one kept. Answers at once for generated secrets and for chosen ones that were verified
 * lately, in constant time; a promise otherwise.
 */
export function verifySecret(secret: string | Buffer, stored: StoredSecret): Promise<boolean> | boolean {
  const parts = stored.split('$')
  if (parts[0] === 'sha256' && parts.length === 3) {
    const salt = Buffer.from(parts[1]!, 'base64url')
    return equal(sha256(salt, secret), Buffer.from(parts[2]!, 'base64url'))
  }
  if (parts[0] === 'scrypt' && parts.length === 6) return verifyChosen(secret, stored, parts)
  return false
}

// The key is a keyed hash, so that memory holds no secret, nor anything that could be searched outside this process.
const cacheKey = randomBytes(32)
const remembered = new Set<string>()
const running = new Map<string, Promise<boolean>>()

function verifyChosen(secret: string | Buffer, stored: StoredSecret, parts: string[]): Promise<boolean> | boolean {
  const key = createHmac('sha256', cacheKey).update(stored).update('\0').update(secret).digest('base64')
  if (remembered.delete(key)) {
    remembered.add(key)
    return true
  }
  const same = running.get(key)
  if (same !== undefined) return same
  const [N, r, p] = parts.slice(1, 4).map(Number) as [number, number, number]
  const verification = runScrypt(Buffer.from(secret), Buffer.from(parts[4]!, 'base64url'), { N, r, p })
    .then((hash) => {
      const right = equal(hash, Buffer.from(parts[5]!, 'base64url'))
      if (right) remember(key)
      return right
    })
    .finally(() => running.delete(key))
  running.set(key, verification)
  return verification
}

/** The least recently verified one goes first: a Set keeps the order in which its items were added. */
function remember(key: string): void {
  remembered.add(key)
  if (remembered.size > maxRemembered) for (const oldest of remembered) return void remembered.delete(oldest)
}

let scrypts = 0
const waiting: (() => void)[] = []

async function runScrypt(secret: Buffer, salt: Buffer, cost: { N: number; r: number; p: number }): Promise<Buffer> {
  if (scrypts >= maxScryptsAtOnce) await new Promise<void>((resolve) => waiting.push(resolve))
  else scrypts++
  try {
    return await new Promise((resolve, reject) =>
      scrypt(secret, salt, hashBytes, cost, (error, hash) => (error === null ? resolve(hash) : reject(error))),
    )
  } finally {
    const next = waiting.shift()
    if (next === undefined) scrypts--
    else next()
  }
}

function sha256(salt: Buffer, secret: string | Buffer): Buffer {
  return createHash('sha256').update(salt).update(secret).digest()
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
