/**
 * Calls `ask` now and then again `intervalMs` after each answer, while the page is in view; a page that comes back into
 * view asks at once. Answers what stops it.
 */
export function poll(ask: () => Promise<void>, intervalMs: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false
  let asking = false

  async function turn() {
    if (stopped || asking) return
    clearTimeout(timer)
    if (document.hidden) return
    asking = true
    await ask().catch(() => {})
    asking = false
    if (!stopped) timer = setTimeout(turn, intervalMs)
  }

  document.addEventListener('visibilitychange', turn)
  void turn()
  return () => {
    stopped = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', turn)
  }
}
