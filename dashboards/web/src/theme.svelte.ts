import { readStored, writeStored } from './stored.ts'

/** `auto` follows the system. */
export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

let chosen = $state<Theme>(readStored('theme', themes, 'auto'))

export const theme = {
  get chosen(): Theme {
    return chosen
  },
  choose(next: Theme): void {
    chosen = next
    if (next === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = next
    writeStored('theme', next)
  },
}
