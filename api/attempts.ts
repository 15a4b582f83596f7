import { isIPv6 } from 'node:net'

/** Wrong tokens that one address may show within `windowMs`, and how many addresses are remembered. */
const defaults = { max: 20, windowMs: 60_000, maxAddresses: 10_000, now: Date.now }

/** Counts wrong tokens by address. */
export type AttemptLimit = {
  /** Counts one, and tells how long the address must wait, in milliseconds: 0 while it may go on. */
  countWrong(address: string): number
}

/** The address that was first wrong is forgotten first, so that memory stays bounded whatever is tried. */
export function limitAttempts(options: Partial<typeof defaults> = {}): AttemptLimit {
  const { max, windowMs, maxAddresses, now } = { ...defaults, ...options }
  const counts = new Map<string, { wrong: number; until: number }>()

  function startCount(key: string) {
    counts.delete(key)
    const oldest = counts.size < maxAddresses ? undefined : counts.keys().next().value
    if (oldest !== undefined) counts.delete(oldest)
    const count = { wrong: 0, until: now() + windowMs }
    counts.set(key, count)
    return count
  }

  return {
    countWrong(address) {
      const key = toNetwork(address)
      let count = counts.get(key)
      if (count === undefined || count.until <= now()) count = startCount(key)
      count.wrong++
      return count.wrong > max ? count.until - now() : 0
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
