// Who waits longer than this is told that the platform is at work.
const longMs = 1000

let slow = $state(0)

/** Whether an answer of the platform has been awaited for more than a second. */
export const waiting = {
  get isLong(): boolean {
    return slow > 0
  },
}

/** Answers what `asked` answers; tells meanwhile, when it takes long. */
export async function awaitAnswer<Answer>(asked: Promise<Answer>): Promise<Answer> {
  let isSlow = false
  const timer = setTimeout(() => {
    isSlow = true
    slow++
  }, longMs)
  try {
    return await asked
  } finally {
    clearTimeout(timer)
    if (isSlow) slow--
  }
}
