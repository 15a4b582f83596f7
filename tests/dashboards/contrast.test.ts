import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const style = readFileSync(join(import.meta.dirname, '../../dashboards/web/src/style.css'), 'utf8')
const colours = new Map(
  Array.from(style.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g), ([, name, light, dark]) => [
    name!,
    { light: light!, dark: dark! },
  ]),
)
const themes = ['light', 'dark'] as const

const texts = ['ink', 'ink-soft', 'accent', 'working', 'attention', 'silent', 'never-seen', 'out-of-service']
const grounds = ['ground', 'surface', 'raised', 'accent-soft']
const pairs = texts.flatMap((text) => grounds.map((ground) => [text, ground] as const))

// WCAG 2.1, success criterion 1.4.3: 4.5 to 1 for text.
test.each([...pairs, ['on-accent', 'accent'] as const])('the text colour %s can be read on %s', (text, ground) => {
  for (const theme of themes) expect(contrast(text, ground, theme), theme).toBeGreaterThanOrEqual(4.5)
})

// Success criterion 1.4.11: 3 to 1 for what shows where a field or a button ends.
test('the border of fields can be seen', () => {
  for (const theme of themes) expect(contrast('line-strong', 'surface', theme), theme).toBeGreaterThanOrEqual(3)
})

function contrast(first: string, second: string, theme: 'light' | 'dark'): number {
  const [a, b] = [first, second].map((name) => luminance(colours.get(name)![theme])) as [number, number]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** Relative luminance, as WCAG 2.1 defines it. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
