import type { ApiError } from './api-error.ts'

/**
 * Takes answers in the order in which they were asked for: one that was overtaken, by a later question or by `overtake`,
 * is dropped, and so is its refusal. For each thing that a page shows there is one of these.
 */
export function createNewest() {
  let last = 0
  return {
    async ask<Answer>(
      question: () => Promise<Answer>,
      take: (answer: Answer) => void,
      refuse: (error: ApiError) => void,
    ): Promise<void> {
      const own = ++last
      try {
        const answer = await question()
        if (own === last) take(answer)
      } catch (thrown) {
        if (own === last) refuse(thrown as ApiError)
      }
    },
    /** What is on its way was asked for before something changed. */
    overtake(): void {
      last++
    },
  }
}
