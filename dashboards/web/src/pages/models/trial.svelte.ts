import type { ApiError } from '../../api.ts'
import { createNewest } from '../../newest.ts'
import type { Outcome, Trial } from './model-api.ts'

/** Tries a model on a payload by `ask`, and again on the same one as the model changes; the newest trial's outcome stands. */
export function createTrial(ask: (trial: Trial) => Promise<Outcome>) {
  let outcome = $state.raw<Outcome | null>(null)
  let error = $state.raw<ApiError | null>(null)
  let isTrying = $state(false)
  let last: Trial | null = null
  const newest = createNewest()

  function run(trial: Trial): Promise<void> {
    last = trial
    isTrying = true
    return newest.ask(
      () => ask(trial),
      (found) => {
        outcome = found
        error = null
        isTrying = false
      },
      (refused) => {
        error = refused
        isTrying = false
      },
    )
  }

  return {
    get outcome(): Outcome | null {
      return outcome
    },
    get error(): ApiError | null {
      return error
    },
    get isTrying(): boolean {
      return isTrying
    },
    run,
    /** Tries it again on the payload of the last trial, if there was one. */
    again: () => void (last === null ? null : run(last)),
  }
}
