import type { Asset } from '../domain/asset.ts'
import type { Area } from '../domain/place.ts'
import type { Access } from '../store/access.ts'
import { readRevision } from '../store/registry.ts'
import { type AssetFilter, listAssets, toAsset } from './assets.ts'
import type { Page, PageRequest } from './page.ts'
import { listStatus } from './status.ts'
import type { StatusBoard } from './status-board.ts'

/** How long a search waits for what has just been changed; while a large file is being imported it is behind. */
const waitMs = 300

/**
 * The assets in the order of their ids. Words and places are looked for on the board, in milliseconds whatever their
 * number; what was changed a moment ago is waited for. Anything else is asked of the registry.
 */
export async function searchAssets(
  access: Access,
  board: StatusBoard,
  { areas, ...request }: PageRequest & AssetFilter & { areas: readonly Area[] },
): Promise<Page<Asset>> {
  const { parentId, inventoryNumber, ...onBoard } = request
  const isOnBoard = parentId === undefined && inventoryNumber === undefined
  if ((request.q === undefined && areas.length === 0) || (!isOnBoard && areas.length === 0))
    return listAssets(access, request)
  await board.waitFor(await readRevision(access.registry), waitMs)
  const { items, next } = listStatus(access, board, { ...onBoard, areas, includesDisposed: true })
  const ids = items.map((each) => each.assetId)
  if (ids.length === 0) return { items: [], next: null }
  let query = access.registry.selectFrom('assets').selectAll().where('id', 'in', ids)
  if (parentId !== undefined) query = query.where('parent_id', '=', parentId)
  if (inventoryNumber !== undefined) query = query.where('inventory_number', '=', inventoryNumber)
  const rows = await query.orderBy('id').execute()
  return { items: rows.map(toAsset), next }
}
