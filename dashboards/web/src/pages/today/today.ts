import type { AssetState } from '../../../../../domain/asset.ts'
import type { AssetStatus } from '../../api.ts'

/** What the API answers of the day. */
export type Need = { code: string; count: number; recent: number; of: number; heard: number; worst: AssetStatus[] }
export type Today = {
  needs: Need[]
  states: Record<AssetState, number>
  energy: { value: number | null; before: number | null; meters: number; of: number }
}
/** A device that was heard, and that nobody registered. */
export type Foundling = { id: string; lastHeardAt: string }
