import type { Page } from 'playwright-core'

/**
 * What is wrong with how a page is shown without style sheets (RGAA 10.2, 10.3), and at each of the widths (CSS pixels)
 * when the reader spaces text (RGAA 10.12, WCAG 1.4.12).
 */
export async function findRenderingFaults(page: Page, widths: readonly number[]): Promise<string[]> {
  const found = (await page.evaluate(findLostWords)) as string[]
  const before = page.viewportSize()!
  await page.evaluate(`(${spaceText})(true)`)
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 })
    found.push(...((await page.evaluate(findCutText)) as string[]).map((each) => `spaced, ${width} wide: ${each}`))
  }
  await page.evaluate(`(${spaceText})(false)`)
  await page.setViewportSize(before)
  return found
}

// Every word that is seen with style sheets is there without them, in the same order.
const findLostWords = `(() => {
  const read = () => (document.querySelector('dialog[open]') ?? document.body).innerText.toLowerCase().match(/\\S+/g) ?? []
  const seen = read()
  const sheets = [...document.styleSheets]
  for (const sheet of sheets) sheet.disabled = true
  // Boxes in a row become words in a line, with nothing between them.
  const plain = read().join('')
  for (const sheet of sheets) sheet.disabled = false
  let at = 0
  for (const word of seen) {
    const found = plain.indexOf(word, at)
    if (found < 0) return ['without styles, lost or out of order: ' + word + ', after ' + plain.slice(Math.max(0, at - 60), at)]
    at = found + word.length
  }
  return []
})()`

// A sheet that is made by script is let in by the policy of the pages, a `style` element is not.
const spaceText = `(isOn) => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(
    '* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }' +
      'p { margin-bottom: 2em !important }',
  )
  document.adoptedStyleSheets = isOn ? [sheet] : []
}`

// Text in a box that hides what does not fit: not what is for screen readers alone, nor briefs that are told in full elsewhere.
const findCutText = `(() => {
  const name = (element) => element.localName + '.' + element.className + ' “' + element.textContent.trim().slice(0, 40) + '”'
  const found = []
  const over = document.documentElement.scrollWidth - innerWidth
  if (over > 0) {
    const beyond = [...document.querySelectorAll('main *')].filter((each) => each.getBoundingClientRect().right > innerWidth)
    found.push('too wide by ' + over + ': ' + beyond.slice(-1).map(name))
  }
  for (const element of document.querySelectorAll('body *')) {
    if (!(element instanceof HTMLElement) || !element.checkVisibility() || element.textContent.trim() === '') continue
    if (element.closest('.visually-hidden, .maplibregl-map')) continue
    const { clipPath, overflowX, overflowY, webkitLineClamp } = getComputedStyle(element)
    if (clipPath !== 'none' || webkitLineClamp !== 'none') continue
    const isHeld = element.matches('select, button')
    const hides = (overflow) => isHeld || overflow === 'hidden' || overflow === 'clip'
    if (hides(overflowX) && element.scrollWidth > element.clientWidth + 1) found.push('cut in width: ' + name(element))
    if (hides(overflowY) && element.scrollHeight > element.clientHeight + 1) found.push('cut in height: ' + name(element))
  }
  return found
})()`
