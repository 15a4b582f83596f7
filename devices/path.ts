import { isObject } from './json-payload.ts'

/**
 * The value at a path of keys such as `status.battery` or `sockets.0.power`, or undefined. Own properties only: a path
 * or a message that says `__proto__` or `constructor` finds nothing.
 */
export function readPath(item: unknown, path: readonly string[]): unknown {
  let value = item
  for (const key of path) {
    if (!(isObject(value) || Array.isArray(value)) || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** Compiles a path once: `compilePath('a.b')(message)`. */
export function compilePath(path: string): (item: unknown) => unknown {
  const keys = path.split('.')
  return (item) => readPath(item, keys)
}

/** The first of some paths where the message has something other than null. */
export function compilePaths(paths: readonly string[]): (item: unknown) => unknown {
  const readers = paths.map(compilePath)
  return (item) => {
    for (const read of readers) {
      const value = read(item)
      if (value !== undefined && value !== null) return value
    }
    return undefined
  }
}
