/** Does `work`, but not for the same arguments while it is doing so: who clicks twice means it once. */
export function once<Args extends string[]>(work: (...args: Args) => Promise<void>): (...args: Args) => Promise<void> {
  const running = new Set<string>()
  return async (...args) => {
    const key = args.join('\n')
    if (running.has(key)) return
    running.add(key)
    try {
      await work(...args)
    } finally {
      running.delete(key)
    }
  }
}
