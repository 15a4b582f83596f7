import { setTimeout } from 'node:timers/promises'

/** Waits until a condition holds, looking again and again; throws when it does not within `deadlineMs`. */
export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const deadline = Date.now() + deadlineMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`this did not come true within ${deadlineMs} ms: ${condition}`)
    await setTimeout(5)
  }
}
