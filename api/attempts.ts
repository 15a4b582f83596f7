import { isIPv6 } from 'node:net'

/** Wrong tries that one key may make within `windowMs`, and how many keys are remembered. */
const defaults = { max: 20, windowMs: 60_000, maxKeys: 10_000, now: Date.now }

/** Counts wrong tries by what they come from: an address, or any other key. */
export type AttemptLimit = {
  /** Counts one, and tells how long the key must wait, in milliseconds: 0 while it may go on. */
  countWrong(key: string): number
  /** Takes one back: it was right. */
  forgive(key: string): void
}

/** The key that was first wrong is forgotten first, so that memory stays bounded whatever is tried. */
export function limitAttempts(options: Partial<typeof defaults> = {}): AttemptLimit {
  const { max, windowMs, maxKeys, now } = { ...defaults, ...options }
  const counts = new Map<string, { wrong: number; until: number }>()

  function startCount(key: string) {
    counts.delete(key)
    const oldest = counts.size < maxKeys ? undefined : counts.keys().next().value
    if (oldest !== undefined) counts.delete(oldest)
    const count = { wrong: 0, until: now() + windowMs }
    counts.set(key, count)
    return count
  }

  return {
    countWrong(from) {
      const key = toNetwork(from)
      let count = counts.get(key)
      if (count === undefined || count.until <= now()) count = startCount(key)
      count.wrong++
      return count.wrong > max ? count.until - now() : 0
    },
    forgive(from) {
      const count = counts.get(toNetwork(from))
      if (count !== undefined) count.wrong--
    },
  }
}

/** Tries to sign in by a password, which people choose and others may guess. */
export type SignInLimit = {
  /**
   * Counts one before it is judged, so that many at once do not pass; tells how long to wait, in milliseconds, 0 when it
   * may be judged. Nothing of it depends on whether there is such an account.
   */
  begin(address: string, login: string): { waitMs: number; forgive(): void }
}

/**
 * By address, so that one cannot try many accounts; by account and address; and by account, whatever addresses they come
 * from (NIST SP 800-63B-4, 3.2.2: at most 100), which is high, so that it takes many machines to keep a person out.
 */
export function limitSignIns(now = Date.now): SignInLimit {
  const minuteMs = 60_000
  const byAddress = limitAttempts({ max: 20, windowMs: minuteMs, now })
  const byBoth = limitAttempts({ max: 10, windowMs: 15 * minuteMs, now })
  const byLogin = limitAttempts({ max: 100, windowMs: 60 * minuteMs, now })
  return {
    begin(address, login) {
      const keys = [
        [byAddress, address],
        [byBoth, `${toNetwork(address)} ${login}`],
        [byLogin, login],
      ] as const
      return {
        waitMs: Math.max(...keys.map(([limit, key]) => limit.countWrong(key))),
        forgive() {
          for (const [limit, key] of keys) limit.forgive(key)
        },
      }
    },
  }
}

/** What counts as one address: for IPv6 the /64, which one household or server has whole. */
export function toNetwork(address: string): string {
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const groups = head === '' ? [] : head.split(':')
  const ending = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - groups.length - ending.length)).fill('0')
  return [...groups, ...zeros, ...ending].slice(0, 4).join(':')
}
