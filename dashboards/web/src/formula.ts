/** A text that no spreadsheet runs: what begins as a formula does gets an apostrophe before it (OWASP, CSV injection). */
export function neutralise(text: string): string {
  return /^'*[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text
}
