/*
 * Names that are code, or turn what stands beside them, wherever a text is not taken for a text: HTML, SVG, templates,
 * directions of Unicode (UAX 9, section 2), formulas of spreadsheets (OWASP, CSV injection), and length.
 */

/** The longest name that an asset or a device may have, in one word that no line breaks. */
export const longestName = 'x'.repeat(200)

/** Names that an asset or a device may have, each to be shown as the text that it is. */
export const injectionNames: readonly string[] = [
  '<img src=x onerror="document.title=\'owned\'"><b>gras</b>',
  '<svg/onload="document.title=\'owned\'"><script>document.title="owned"</script>',
  '</title></textarea></script><script>document.title="owned"</script>',
  '{{constructor.constructor("document.title=1")()}} \u0024{7*7} {7*7} {@html 7*7} <%= 7*7 %> #{7*7}',
  '"><a href="javascript:document.title=1">lien</a>&lt;b&gt;&amp;amp;',
  "' onmouseover='document.title=1' autofocus onfocus='document.title=1",
  'javascript:document.title=1',
  // Overrides and isolates that nothing ends, and Arabic and Hebrew letters.
  '\u202eelbuop',
  '\u2067\u202bisolé',
  '\u200f\u061cشارع السلام שלום',
  '=HYPERLINK("http://127.0.0.1:1","Cliquez")',
  "@SUM(1+1)*cmd|' /C calc'!A0",
  '+1+1',
  "-2+3+cmd|' /C calc'!A0",
  '＝1+1',
  "'=1+1",
  '../../etc/passwd; $(reboot) `reboot` %00 \\',
  longestName,
]

/** What a spreadsheet takes for a formula when a cell begins with it. */
export const formulaStart = /^[=+\-@\t\r\n＝＋－＠]/

/**
 * Source of a function that lists, in a page, what a name may turn, given the names that may: after a letter or mark that
 * runs from right to left, everything up to the end of its paragraph or of what isolates it (UAX 9, section 3.3). Each
 * such name must have an element, or isolating marks, of its own.
 */
export const findUnboundNames = `(names) => {
  const turning = /[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\u0590-\\u08ff]/
  const seen = (node) => (node.nodeType === Node.TEXT_NODE ? node.data : (node.innerText ?? '')).trim()
  const isOpen = ({ display }) => display === 'inline' || display === 'contents'
  // What follows a node in its paragraph, as far as it is seen.
  const follow = (node) => {
    for (let at = node; ; at = at.parentElement) {
      for (let next = at.nextSibling; next !== null; next = next.nextSibling) {
        if (next.nodeType === Node.ELEMENT_NODE) {
          const style = getComputedStyle(next)
          if (style.display === 'none' || style.position === 'absolute') continue
          if (next.localName === 'br' || !/^(inline|contents)/.test(style.display)) return ''
        } else if (next.nodeType !== Node.TEXT_NODE) continue
        if (seen(next) !== '') return seen(next)
      }
      const style = getComputedStyle(at.parentElement)
      if (!isOpen(style) || /isolate|plaintext/.test(style.unicodeBidi)) return ''
    }
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = node.data.replace(/\\u2068[^\\u2066-\\u2069]*\\u2069/g, '')
    if (!turning.test(text) || !node.parentElement.checkVisibility() || node.parentElement.closest('option, script, style')) continue
    const known = names.filter((name) => turning.test(name) && text.includes(name))
    const ends = known.map((name) => text.lastIndexOf(name) + name.length)
    const end = Math.max(...ends, ...Array.from(text.matchAll(new RegExp(turning, 'g')), ({ index }) => index + 1))
    const after = text.slice(end).trim() || follow(node)
    if (after !== '') found.push(node.parentElement.localName + ': ' + text.trim().slice(0, 40) + ' | ' + after.slice(0, 40))
  }
  return found
}`
