import type { Installation } from '../domain/installation.ts'
import { Problem } from '../domain/problem.ts'
import type { Latest } from '../domain/reading.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import { installationsAt, toInstallation } from './installations.ts'
import { type JoinedSeries, type Part, type PartsQuery, readLatest, readParts } from './series-parts.ts'

/** As the installations were known then (UTC epoch ms); as they are known now when left out. */
export type AsKnown = { asKnownAt?: number | undefined }

/**
 * The newest reading of each channel and quantity of an asset, inside its installations, closed ones included; ordered
 * by channel and quantity. Calibrations are applied. Throws Problem `not_found`.
 */
export async function readAssetLatest(
  access: Access,
  reader: Pick<IngestReader, 'latestOf' | 'readings'>,
  assetId: string,
  { asKnownAt }: AsKnown = {},
): Promise<Latest[]> {
  return readLatest(reader, await readAssetParts(access, assetId, { asKnownAt }))
}

/**
 * The readings of an asset, cut to what each device gave while it was installed there, with the calibrations of its
 * installations applied: see `readParts`. Throws Problem `not_found`.
 */
export async function readAssetSeries(
  access: Access,
  reader: Pick<IngestReader, 'latestOf' | 'readings'>,
  assetId: string,
  { asKnownAt, ...query }: PartsQuery & AsKnown,
): Promise<JoinedSeries[]> {
  return readParts(reader, await readAssetParts(access, assetId, { asKnownAt }), query)
}

/** What an asset's readings are made of, in the order of time. Throws Problem `not_found`. */
export async function readAssetParts(access: Access, assetId: string, { asKnownAt }: AsKnown = {}): Promise<Part[]> {
  const installations = await readInstallations(access, assetId, asKnownAt)
  return installations.map(({ deviceId, channel, installedAt, removedAt, calibration }) => ({
    deviceId,
    channel,
    from: installedAt,
    to: removedAt ?? Number.POSITIVE_INFINITY,
    calibration,
  }))
}

/** All installations of an asset, in the order of their beginnings. Throws Problem `not_found` for an unknown asset. */
async function readInstallations(
  access: Access,
  assetId: string,
  asKnownAt: number | undefined,
): Promise<Installation[]> {
  const asset = await access.registry.selectFrom('assets').select('id').where('id', '=', assetId).executeTakeFirst()
  if (asset === undefined) throw new Problem('not_found', assetId)
  const rows = await installationsAt(access.registry, asKnownAt)
    .where('asset_id', '=', assetId)
    .orderBy('installed_at')
    .orderBy('id')
    .execute()
  return rows.map(toInstallation)
}
