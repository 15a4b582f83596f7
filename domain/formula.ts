// What spreadsheets run as a formula, in the wide forms of East Asia too (OWASP, CSV injection), after the apostrophes
// that keep them from it.
const formula = /^'*[=+\-@\t\r\n＝＋－＠]/

/** A text that no spreadsheet runs: what begins as a formula does gets an apostrophe before it. */
export function neutralise(text: string): string {
  return formula.test(text) ? `'${text}` : text
}

/** Takes away the apostrophe that `neutralise` put before a text. */
export function restore(text: string): string {
  return formula.test(text) ? text.replace(/^'/, '') : text
}
