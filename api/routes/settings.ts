import { z } from 'zod'
import type { Routes } from '../context.ts'

export const settingsRoutes: Routes = (api, { config }) => {
  api.get(
    '/settings',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['platform'],
        summary: 'What the pages go by',
        response: {
          200: z
            .object({
              timeZone: z.string().describe('IANA zone of pages and days.'),
              publicUrl: z.string().nullable().describe('For links and labels; null when it was not set.'),
              mapStyle: z.string().nullable().describe('Address of a MapLibre style; null for the plain ground.'),
            })
            .meta({ id: 'Settings' }),
        },
      },
    },
    async () => ({
      timeZone: config.PARVIS_TIME_ZONE,
      publicUrl: config.PARVIS_PUBLIC_URL ?? null,
      mapStyle: config.PARVIS_MAP_STYLE ?? null,
    }),
  )
}
