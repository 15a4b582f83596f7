export const payloadKinds = ['hex', 'base64', 'json'] as const
export type PayloadKind = (typeof payloadKinds)[number]

/** A payload as the API takes it to be tried. */
export type Payload = { kind: PayloadKind; hex: string } | { kind: 'json'; json: unknown }

/**
 * What a technician pasted, as a payload: hexadecimal with any separators, base64 or JSON; which of them it is, is found
 * out unless `kind` says it. Null when it cannot be read as that.
 */
export function readPayload(text: string, kind: PayloadKind | null = null): Payload | null {
  const bare = text.trim()
  if (bare === '') return null
  for (const each of kind === null ? payloadKinds : [kind]) {
    const read = readers[each](bare)
    if (read !== null) return read
  }
  return null
}

const readers: Record<PayloadKind, (text: string) => Payload | null> = {
  hex(text) {
    const hex = text.replace(/0x|[\s:,;-]/gi, '').toLowerCase()
    return /^([0-9a-f]{2})+$/.test(hex) ? { kind: 'hex', hex } : null
  },
  base64(text) {
    const standard = text.replace(/\s/g, '').replaceAll('-', '+').replaceAll('_', '/')
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(standard) || standard.replace(/=+$/, '').length % 4 === 1) return null
    try {
      const bytes = Array.from(atob(standard), (character) => character.charCodeAt(0).toString(16).padStart(2, '0'))
      return { kind: 'base64', hex: bytes.join('') }
    } catch {
      return null
    }
  },
  json(text) {
    try {
      const json: unknown = JSON.parse(text)
      return typeof json === 'object' && json !== null ? { kind: 'json', json } : null
    } catch {
      return null
    }
  },
}
