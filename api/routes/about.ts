import { z } from 'zod'
import type { Routes } from '../context.ts'

export const aboutRoutes: Routes = (api, { config }) => {
  api.get(
    '/about',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['platform'],
        summary: 'Where people find this platform, and on which wall clock its days are',
        response: {
          200: z.object({
            publicUrl: z.string().nullable().describe('For links and labels; null when it was not set.'),
            zone: z.string().describe('IANA zone.'),
          }),
        },
      },
    },
    async () => ({ publicUrl: config.PARVIS_PUBLIC_URL ?? null, zone: config.PARVIS_TIME_ZONE }),
  )
}
