import { z } from 'zod'
import { listServices } from '../../inventory/services.ts'
import type { Routes } from '../context.ts'
import { wholeList } from '../shapes.ts'

export const serviceRoutes: Routes = (api) => {
  api.get(
    '/services',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['assets'],
        summary: 'The services that assets and devices belong to',
        response: { 200: z.object({ items: z.array(z.object({ name: z.string() })), next: z.null() }) },
      },
    },
    async (request) => wholeList((await listServices(request.access)).map((name) => ({ name }))),
  )
}
