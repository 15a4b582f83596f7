import { setImmediate } from 'node:timers/promises'
import { type NewAsset, newAssetSchema } from '../domain/asset.ts'
import { isAssetKind } from '../domain/asset-kind.ts'
import type { Access } from '../store/access.ts'
import { type Change, inParts, mutate } from '../store/registry.ts'
import { chooseService } from '../store/scope.ts'
import { toAsset, toRow } from './assets.ts'
import type { LineError } from './csv.ts'
import { type ImportOptions, judge, readLines } from './import-file.ts'
import { type ColumnType, refuseFile } from './import-mapping.ts'

/** What an import did, or would do. */
export type AssetImport = { dryRun: boolean; created: number }

const assetColumns: Readonly<Record<string, ColumnType>> = {
  id: 'text',
  kind: 'text',
  label: 'text',
  inventoryNumber: 'text',
  latitude: 'number',
  longitude: 'number',
  address: 'text',
  district: 'text',
  commune: 'text',
  service: 'text',
  parentId: 'text',
  lifeCycle: 'text',
  attributes: 'json',
}

/** One good line of a file of assets. */
type NumberedAsset = { line: number; fields: NewAsset }

/**
 * Adds the assets of a CSV file: all of them, or none when one line is bad. A parent may stand in the same file, before
 * or after. The columns are the JSON names; `attributes.<name>` is one attribute. Throws as `importDevices` does.
 */
export async function importAssets(
  access: Access,
  file: string | Uint8Array,
  { dryRun = false, mapping }: ImportOptions = {},
): Promise<AssetImport> {
  const { lines, errors } = await readLines(file, assetColumns, newAssetSchema, mapping)
  for (const { line, fields } of lines)
    if (!isAssetKind(fields.kind))
      errors.push({ line, column: 'kind', message: `the asset kind "${fields.kind}" is unknown` })
  const ordered = orderByParent(lines, errors)
  if (dryRun || errors.length > 0) {
    await judge(access, errors, (change) => checkAssets(change, lines, errors))
    return { dryRun, created: lines.length }
  }
  return mutate(access, async (change) => {
    await checkAssets(change, lines, errors)
    if (errors.length > 0) refuseFile(errors)
    return writeAssets(access, change, ordered)
  })
}

/** Parents before their children; what is there twice, and what would hang on itself, is an error. */
function orderByParent(lines: readonly NumberedAsset[], errors: LineError[]): NumberedAsset[] {
  const byId = new Map<string, NumberedAsset>()
  for (const each of lines) {
    const earlier = byId.get(each.fields.id)
    if (earlier === undefined) byId.set(each.fields.id, each)
    else errors.push({ line: each.line, column: 'id', message: `${each.fields.id} is in line ${earlier.line} already` })
  }
  const ordered = new Set<NumberedAsset>()
  for (const each of byId.values()) {
    const chain = new Set<NumberedAsset>()
    let current: NumberedAsset | undefined = each
    while (current !== undefined && !ordered.has(current)) {
      if (chain.has(current)) {
        errors.push({ line: current.line, column: 'parentId', message: `${current.fields.id} would hang on itself` })
        break
      }
      chain.add(current)
      current = byId.get(current.fields.parentId ?? '')
    }
    for (const link of [...chain].reverse()) ordered.add(link)
  }
  return [...ordered]
}

/** What only the registry can tell: ids that are taken, parents that do not exist. */
async function checkAssets(
  { trx, all }: Pick<Change, 'trx' | 'all'>,
  lines: readonly NumberedAsset[],
  errors: LineError[],
): Promise<void> {
  const inFile = new Set(lines.map(({ fields: asset }) => asset.id))
  for (const part of inParts(lines)) {
    await setImmediate()
    const parents = part.flatMap(({ fields: asset }) =>
      asset.parentId == null || inFile.has(asset.parentId) ? [] : [asset.parentId],
    )
    const wanted = [...part.map(({ fields: asset }) => asset.id), ...parents]
    const rows = await all.selectFrom('assets').select('id').where('id', 'in', wanted).execute()
    const known = new Set(rows.map((row) => row.id))
    const seen = new Set<string>()
    if (parents.length > 0)
      for (const row of await trx.selectFrom('assets').select('id').where('id', 'in', parents).execute())
        seen.add(row.id)
    for (const { line, fields: asset } of part) {
      if (known.has(asset.id)) errors.push({ line, column: 'id', message: `${asset.id} is taken` })
      if (asset.parentId != null && !inFile.has(asset.parentId) && !seen.has(asset.parentId))
        errors.push({ line, column: 'parentId', message: `there is no asset ${asset.parentId}` })
    }
  }
}

/** Writes lines that were checked in the same transaction, parents first. */
async function writeAssets(
  access: Access,
  { trx, revision, record }: Change,
  ordered: readonly NumberedAsset[],
): Promise<AssetImport> {
  for (const part of inParts(ordered)) {
    const rows = part.map(({ fields }) => ({
      ...toRow({ ...fields, service: chooseService(access, fields.service) }),
      revision,
    }))
    await trx.insertInto('assets').values(rows).execute()
    for (const row of rows) record('asset', row.id, null, toAsset(row))
    await setImmediate()
  }
  return { dryRun: false, created: ordered.length }
}
