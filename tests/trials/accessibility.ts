import { type Look, listEntrances, listPages, wear } from '../support/scenes.ts'
import { findBarriers, type Site } from '../support/site.ts'
import { findRenderingFaults } from './rendering.ts'

// A phone, and a small screen at twice the size.
const widths = [320, 640]
const spacedWidths = [1280, 320]
const desk = { width: 1400, height: 900 }

/** What was looked at, and what is wrong with it, by scene and look: rules of axe-core, or pixels that are cut off. */
export type AccessibilityReport = { scenes: string[]; barriers: Record<string, string[]> }

/**
 * Runs axe-core over every page, its details, forms and dialogs, in each look, and looks whether anything is cut off at
 * small widths; with `isWhole`, axe-core runs at the least of these too, and each is tried with text spaced and without styles. The site must have a simulated city.
 */
export async function runAccessibilityTrial(
  site: Site,
  { looks, isWhole }: { looks: readonly Look[]; isWhole: boolean },
): Promise<AccessibilityReport> {
  const report: AccessibilityReport = { scenes: [], barriers: {} }
  const inside = await site.signIn('admin', '#/site-map', { reducedMotion: 'reduce' })
  const outside = await site.visit({ reducedMotion: 'reduce' })
  await outside.goto('/')
  for (const [page, scenes] of [
    [outside, await listEntrances(site)],
    [inside, await listPages(site, inside)],
  ] as const)
    for (const { name, open } of scenes) {
      await wear(page, { language: 'fr', colorScheme: looks[0]!.colorScheme })
      await open(page)
      report.scenes.push(name)
      for (const look of looks) {
        await wear(page, look)
        const found = [...(await findBarriers(page)), ...((await page.evaluate(findUnmarkedFields)) as string[])]
        // French, which comes first, has the longer words.
        for (const width of look === looks[0] || isWhole ? widths : []) {
          await page.setViewportSize({ width, height: 800 })
          const cut = Number(await page.evaluate(measureCut))
          if (cut > 0) found.push(`cut off at a width of ${width}: ${cut}`)
          if (isWhole && width === widths[0])
            found.push(...(await findBarriers(page)).map((each) => `on a phone, ${each}`))
        }
        await page.setViewportSize(desk)
        if (isWhole && look === looks[0]) found.push(...(await findRenderingFaults(page, spacedWidths)))
        if (found.length > 0) report.barriers[`${name}, ${look.language} ${look.colorScheme}`] = found
      }
    }
  return report
}

// By how many pixels the page, or a dialog over it, is wider than what is seen of it.
const measureCut = `Math.max(
  document.documentElement.scrollWidth - innerWidth,
  ...[...document.querySelectorAll('dialog[open]')].map((dialog) => dialog.scrollWidth - dialog.clientWidth),
)`

// The names of fields that must be filled, and do not say so in their text (RGAA 10.2, 11.10).
const findUnmarkedFields = `[...document.querySelectorAll(':required')]
  .filter((field) => field.checkVisibility() && ![...field.labels].some((label) => /\\((obligatoire|required)\\)/.test(label.textContent)))
  .map((field) => 'needed, and not marked: ' + field.labels[0]?.textContent)`
