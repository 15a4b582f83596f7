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
 * Source of an expression that lists, in a page, the words that a direction mark in another text has turned: text
 * without such marks is laid out from left to right in French and English, beside any name.
 */
export const findTurnedWords = `(() => {
  const isTurning = (text) => /[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\u0590-\\u08ff]/.test(text)
  const turned = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (isTurning(node.data)) continue
    const at = node.data.search(/[a-z]{2}/i)
    if (at < 0) continue
    const box = (i) => {
      const range = document.createRange()
      range.setStart(node, i)
      range.setEnd(node, i + 1)
      return range.getBoundingClientRect()
    }
    const [first, second] = [box(at), box(at + 1)]
    if (first.width > 0 && second.width > 0 && first.top === second.top && second.left < first.left) turned.push(node.data)
  }
  return turned
})()`
