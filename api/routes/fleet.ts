import { z } from 'zod'
import { assetStates, deviceLifeCycles } from '../../domain/asset.ts'
import { fleetSorts, openFleet } from '../../inventory/fleet.ts'
import type { Routes } from '../context.ts'
import { pageOf, pageQuery, tellTime, timeOut } from '../shapes.ts'

const tags = ['status']

const filter = {
  model: z.string().max(128).optional(),
  q: z.string().max(200).optional().describe('Looked for in id, label and the asset that it is on.'),
}

const healthSchema = z
  .object({
    deviceId: z.string(),
    label: z.string().nullable(),
    model: z.string(),
    service: z.string().nullable(),
    lifeCycle: z.enum(deviceLifeCycles),
    state: z
      .enum(assetStates)
      .describe('`attention`: its battery is low. `out_of_service`: whatever is not in active use.'),
    intervalS: z.number().describe('How often it is expected to speak.'),
    lastSeenAt: timeOut.nullable(),
    silentAt: timeOut.nullable().describe('When it falls silent unless it is heard before, or since when it is.'),
    battery: z.number().nullable().describe('In %.'),
    rssi: z.number().nullable().describe('In dBm.'),
    snr: z.number().nullable().describe('In dB.'),
    assetId: z.string().nullable().describe('One that it is on.'),
  })
  .meta({ id: 'DeviceHealth' })

export const fleetRoutes: Routes = (api, { reader }) => {
  const fleet = openFleet(reader)

  api.get(
    '/status/devices',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How the devices are: heard or silent, battery, radio',
        description: 'As they were some seconds ago at most.',
        querystring: z.strictObject({
          ...pageQuery,
          ...filter,
          state: z.enum(assetStates).optional(),
          sort: z.enum(fleetSorts).default('urgency').describe('`urgency`: what calls for work comes first.'),
        }),
        response: { 200: pageOf(healthSchema) },
      },
    },
    async (request) => {
      const { items, next } = await fleet.list(request.access, request.query)
      return {
        items: items.map((row) => ({ ...row, lastSeenAt: tellTime(row.lastSeenAt), silentAt: tellTime(row.silentAt) })),
        next,
      }
    },
  )

  api.get(
    '/status/devices/counts',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How many devices there are of each state',
        querystring: z.strictObject(filter),
        response: { 200: z.object({ items: z.array(z.object({ state: z.enum(assetStates), count: z.int() })) }) },
      },
    },
    async (request) => ({ items: await fleet.count(request.access, request.query) }),
  )
}
