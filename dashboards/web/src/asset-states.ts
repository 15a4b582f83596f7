import type { AssetState } from '../../../domain/asset.ts'

export type { AssetState }

const order: Record<AssetState, number> = { working: 0, attention: 1, silent: 2, never_seen: 3, out_of_service: 4 }

/** The states in the order in which the pages tell them. The table's type holds it to all of them. */
export const assetStates = Object.keys(order) as AssetState[]
