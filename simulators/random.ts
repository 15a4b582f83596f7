/**
 * Seeded chance. Nothing here keeps a state between calls, so that whoever asks for Tuesday first and for Monday later
 * gets the same week: a number depends on its seed and on what it is asked for alone.
 */

/** 32 bits of a text (FNV-1a, then murmur3's finalizer). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return finalize(hash)
}

/** 32 bits of a seed and up to two whole numbers, such as a purpose and a day. */
export function hashOf(seed: number, a: number, b = 0): number {
  let hash = finalize(seed ^ 0x9e3779b9)
  hash = finalize(hash ^ Math.imul(a | 0, 0x85ebca6b))
  return finalize(hash ^ Math.imul(b | 0, 0xc2b2ae35) ^ 0x27d4eb2f)
}

function finalize(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** A number in [0, 1) for a seed and up to two whole numbers. */
export function uniform(seed: number, a: number, b = 0): number {
  return hashOf(seed, a, b) / 2 ** 32
}

/** A number in [min, max). */
export function between(seed: number, a: number, min: number, max: number): number {
  return min + uniform(seed, a) * (max - min)
}

/** One of a list. */
export function pick<T>(seed: number, a: number, list: readonly T[]): T {
  return list[Math.floor(uniform(seed, a) * list.length)]!
}

/**
 * Noise in [-1, 1] that changes smoothly: seeded values at whole `x`, a smooth step between them. `purpose` keeps the
 * noises of one device apart.
 */
export function smoothNoise(seed: number, purpose: number, x: number): number {
  const left = Math.floor(x)
  const part = x - left
  const a = uniform(seed, purpose, left)
  const b = uniform(seed, purpose, left + 1)
  return 2 * (a + (b - a) * part * part * (3 - 2 * part)) - 1
}

/** A list in an order of the seed's own. */
export function shuffle<T>(seed: number, list: readonly T[]): T[] {
  return list
    .map((item, i) => ({ item, rank: hashOf(seed, i) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
