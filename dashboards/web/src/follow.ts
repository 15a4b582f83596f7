import type { ApiError } from './api-error.ts'

const lostMs = 5000

/**
 * Follows work of the platform that takes a while to its end, and tells how far it is. A break of the network ends nothing
 * there: it is asked again. Throws ApiError.
 */
export async function follow<Work extends { state: string }>(
  begun: Work,
  ask: () => Promise<Work>,
  tell: (work: Work) => void,
  everyMs: number,
): Promise<Work> {
  let work = begun
  let pauseMs = everyMs
  while (work.state === 'queued' || work.state === 'running') {
    tell(work)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    try {
      work = await ask()
      pauseMs = everyMs
    } catch (thrown) {
      if ((thrown as ApiError).status !== 0) throw thrown
      pauseMs = lostMs
    }
  }
  return work
}
