import { z } from 'zod'
import { assetIdSchema, assetLifeCycles, assetPatchSchema, assetSchema, newAssetSchema } from '../../domain/asset.ts'
import { assetKindNames } from '../../domain/asset-kind.ts'
import { installationSchema, toInstallationJson } from '../../domain/installation.ts'
import { readAssetLatest } from '../../inventory/asset-readings.ts'
import { searchAssets } from '../../inventory/asset-search.ts'
import { addAsset, getAsset, removeAsset, updateAsset } from '../../inventory/assets.ts'
import { readHistory } from '../../inventory/history.ts'
import { listInstallations } from '../../inventory/installations.ts'
import type { Routes } from '../context.ts'
import { placeQuery, takeAreas } from '../place-query.ts'
import {
  asKnownAt,
  historyEntrySchema,
  idParams,
  pageOf,
  pageQuery,
  readingSchema,
  tagged,
  tellHistory,
  tellReading,
  wholeList,
} from '../shapes.ts'

const tags = ['assets']

/** Query parameters that say which assets. */
export const assetFilterQuery = {
  kind: z.enum(assetKindNames).optional(),
  service: z.string().max(120).optional(),
  district: z.string().max(120).optional(),
  parentId: assetIdSchema.optional(),
  lifeCycle: z.enum(assetLifeCycles).optional(),
  inventoryNumber: z.string().max(25).optional(),
  ...placeQuery,
  q: z.string().max(200).optional().describe('Words, each of them looked for in id, label, number and place.'),
}

const query = z.strictObject({ ...pageQuery, ...assetFilterQuery })

export const assetRoutes: Routes = (api, { reader, board }) => {
  api.get(
    '/assets',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'Assets, by id', querystring: query, response: { 200: pageOf(assetSchema) } },
    },
    async (request) => searchAssets(request.access, board, takeAreas(request.query)),
  )

  api.post(
    '/assets',
    {
      config: { role: 'manager' },
      schema: { tags, summary: 'Add an asset', body: newAssetSchema, response: { 201: assetSchema } },
    },
    async (request, reply) => {
      const asset = await addAsset(request.access, request.body)
      reply.code(201).header('location', `/api/v1/assets/${encodeURIComponent(asset.id)}`)
      return tagged(reply, asset)
    },
  )

  api.get(
    '/assets/:id',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One asset', params: idParams, response: { 200: assetSchema } },
    },
    async (request, reply) => tagged(reply, await getAsset(request.access, request.params.id)),
  )

  api.patch(
    '/assets/:id',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Change an asset',
        description: 'What is left out stays.',
        params: idParams,
        body: assetPatchSchema,
        response: { 200: assetSchema },
      },
    },
    async (request, reply) => tagged(reply, await updateAsset(request.access, request.params.id, request.body)),
  )

  api.delete(
    '/assets/:id',
    {
      config: { role: 'manager' },
      schema: {
        tags,
        summary: 'Remove an asset that was added by mistake',
        description: 'Refused as `in_use` when a device was ever on it: then its life cycle becomes `disposed`.',
        params: idParams,
        response: { 204: z.undefined().describe('Removed.') },
      },
    },
    async (request, reply) => {
      await removeAsset(request.access, request.params.id)
      reply.code(204)
    },
  )

  api.get(
    '/assets/:id/latest',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'The newest reading of each quantity inside the installations of an asset, closed ones included',
        params: idParams,
        querystring: z.strictObject({ asKnownAt }),
        response: { 200: pageOf(readingSchema) },
      },
    },
    async (request) => {
      const { id } = await getAsset(request.access, request.params.id)
      const { asKnownAt } = request.query
      return wholeList((await readAssetLatest(request.access, reader, id, { asKnownAt })).map(tellReading))
    },
  )

  api.get(
    '/assets/:id/installations',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What was on an asset, and when',
        params: idParams,
        querystring: z.strictObject({ ...pageQuery, asKnownAt }),
        response: { 200: pageOf(installationSchema) },
      },
    },
    async (request) => {
      const { id } = await getAsset(request.access, request.params.id)
      const { items, next } = await listInstallations(request.access, { assetId: id, ...request.query })
      return { items: items.map(toInstallationJson), next }
    },
  )

  api.get(
    '/assets/:id/history',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Who changed what of an asset and its installations, when and why; newest first',
        params: idParams,
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(historyEntrySchema) },
      },
    },
    async (request) => tellHistory(await readHistory(request.access, 'asset', request.params.id, request.query)),
  )
}
