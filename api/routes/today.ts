import { z } from 'zod'
import { type EnergyToday, readEnergyToday } from '../../inventory/energy-today.ts'
import { toStatusJson } from '../../inventory/status.ts'
import { listNeeds } from '../../inventory/today.ts'
import type { Routes } from '../context.ts'
import { statusSchema } from './status.ts'

/** The energy of the day is summed anew after this long: everybody opens this page in the morning. */
const energyKeptMs = 60_000
const maxKept = 100

const count = z.number().int()

const todaySchema = z.object({
  needs: z.array(
    z.object({
      code: z.string().describe('`silent`, or a rule that calls for attention.'),
      count,
      recent: count.describe('Of them, those that began in the last 24 hours.'),
      of: count.describe('Assets in service that it could be told of.'),
      heard: count.describe('Those of them that speak: what the count rests on.'),
      worst: z.array(statusSchema),
    }),
  ),
  states: z.object({ working: count, attention: count, silent: count, never_seen: count, out_of_service: count }),
  energy: z
    .object({
      value: z.number().nullable(),
      before: z.number().nullable().describe('In the same hours of the same day last week.'),
      meters: count,
      of: count,
    })
    .describe('Wh of today until now, of the meters that can be compared with last week.'),
})

export const todayRoutes: Routes = (api, { board, reader, config }) => {
  const kept = new Map<string, { at: number; energy: Promise<EnergyToday> }>()

  api.get(
    '/status/today',
    {
      config: { role: 'viewer' },
      schema: { tags: ['status'], summary: 'What needs a person today', response: { 200: todaySchema } },
    },
    async (request) => {
      const now = Date.now()
      const key = JSON.stringify(request.access.services)
      let energy = kept.get(key)
      if (energy === undefined || now - energy.at > energyKeptMs) {
        if (kept.size >= maxKept) kept.clear()
        energy = { at: now, energy: readEnergyToday(request.access, reader.readings, config.PARVIS_TIME_ZONE, now) }
        energy.energy.catch(() => kept.delete(key))
        kept.set(key, energy)
      }
      const { needs, states } = listNeeds(request.access, board, now)
      return {
        needs: needs.map((need) => ({ ...need, worst: need.worst.map(toStatusJson) })),
        states,
        energy: await energy.energy,
      }
    },
  )
}
