/** How long one piece of work may hold the thread before others have a turn. */
export const longestTurnMs = 10

/** Gives a wait for the next turn of the event loop, that is only taken when the present turn has been long enough. */
export function startTurns(): () => Promise<void> {
  let begun = performance.now()
  return async () => {
    if (performance.now() - begun < longestTurnMs) return
    await new Promise((resolve) => setImmediate(resolve))
    begun = performance.now()
  }
}
