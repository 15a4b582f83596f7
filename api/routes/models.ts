import { z } from 'zod'
import { models } from '../../devices/catalogue.ts'
import type { Routes } from '../context.ts'
import { labelSchema, pageOf, wholeList } from '../shapes.ts'

const modelSchema = z
  .object({
    id: z.string(),
    vendor: z.string(),
    label: labelSchema,
    assetKinds: z.array(z.string()).describe('What it watches.'),
    expectedIntervalS: z.number().describe('How often it is expected to speak, in seconds.'),
    quantities: z.array(z.string()).describe('What it measures.'),
  })
  .meta({ id: 'DeviceModel' })

export const modelRoutes: Routes = (api) => {
  api.get(
    '/models',
    {
      config: { role: 'public' },
      schema: { tags: ['catalogue'], summary: 'Device models', response: { 200: pageOf(modelSchema) } },
    },
    async () =>
      wholeList(
        [...models.values()].map(({ id, vendor, label, assetKinds, expectedIntervalS, quantities }) => ({
          id,
          vendor,
          label,
          assetKinds: [...assetKinds],
          expectedIntervalS,
          quantities: [...quantities],
        })),
      ),
  )
}
