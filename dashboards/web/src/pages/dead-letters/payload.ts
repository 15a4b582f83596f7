/** Bytes of a payload that are shown; a technician needs the beginning, not a megabyte of it. */
export const maxShownBytes = 2048

/** The bytes of a payload in base64. */
export function decodePayload(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

/**
 * A payload as text: control characters become their pictures (U+2400 block); bytes that are not UTF-8, and marks that
 * turn the direction of text and would show other words than the device sent, become U+FFFD.
 */
export function toText(bytes: Uint8Array): string {
  return new TextDecoder()
    .decode(bytes)
    .replace(/\p{Cc}/gu, showControl)
    .replace(/\p{Bidi_Control}/gu, '\ufffd')
}

function showControl(control: string): string {
  if (control === '\n' || control === '\t') return control
  const code = control.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}

/** The lines of a hex dump: offset, bytes, and the printable ones as text. */
export function toHexLines(bytes: Uint8Array, width: number): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += width) {
    const row = [...bytes.subarray(at, at + width)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '\u00b7')).join('')
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(width * 3 - 1)}  ${text}`)
  }
  return lines
}
