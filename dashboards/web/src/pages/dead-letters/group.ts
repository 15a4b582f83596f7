import type { DeadLetterReason } from '../../../../../domain/fault.ts'

/** Dead letters with one cause. */
export type LetterGroup = {
  reason: DeadLetterReason
  code: string
  quantity: string | null
  model: string | null
  count: number
  devices: string[]
  deviceCount: number
  firstAt: string
  lastAt: string
  newestId: string
  detail: string
}

/** A group as filters of the address. */
export function groupParams({ reason, code, quantity, model }: LetterGroup): Record<string, string> {
  return { reason, code, model: model ?? '', quantity: quantity ?? '' }
}

/** Reasons that a model's codec or table may be the cause of. */
export const mendableReasons: readonly DeadLetterReason[] = [
  'unknown_quantity',
  'bad_json',
  'bad_frame',
  'bad_value',
  'out_of_range',
  'codec_error',
  'codec_timeout',
]
