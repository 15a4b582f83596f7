import { models } from '../devices/catalogue.ts'

/** For a device whose model nobody knows any more. */
const fallbackIntervalS = 86_400

/** What is known of how often a device speaks, in seconds: set by a person, learned from what arrives, of its model. */
export type IntervalFacts = {
  model: string
  expected_interval_s: number | null
  learned_interval_s: number | null
  /** That of a model beside the catalogue's. */
  model_interval_s: number | null
}

/** How often a device is expected to speak, in seconds: as it was set, else as it does, else as its model should. */
export function expectedIntervalS(device: IntervalFacts | undefined): number {
  return (
    device?.expected_interval_s ??
    device?.learned_interval_s ??
    device?.model_interval_s ??
    models.get(device?.model ?? '')?.expectedIntervalS ??
    fallbackIntervalS
  )
}
