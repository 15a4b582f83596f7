// SQLite's result codes for what no later attempt can mend: ERROR, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE.
const permanentCodes = new Set([1, 18, 19, 20, 21, 25])

/** Whether a failure would come again however often the same is tried. */
export function isPermanent(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true
  const { errcode } = error as { errcode?: number }
  return errcode !== undefined && permanentCodes.has(errcode & 0xff)
}
