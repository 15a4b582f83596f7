import { z } from 'zod'
import { defineQuantity, quantityNames } from '../../domain/quantity.ts'
import type { Routes } from '../context.ts'
import { labelSchema, pageOf, wholeList } from '../shapes.ts'

const quantitySchema = z
  .object({
    name: z.string(),
    unit: z.string().describe('UCUM code.'),
    kind: z.enum(['gauge', 'counter', 'state']),
    min: z.number(),
    max: z.number(),
    decimals: z.number().int(),
    label: labelSchema,
    states: z.array(z.object({ value: z.number(), name: z.string(), label: labelSchema })).optional(),
  })
  .meta({ id: 'Quantity' })

export const quantityRoutes: Routes = (api) => {
  api.get(
    '/quantities',
    {
      config: { role: 'public' },
      schema: {
        tags: ['catalogue'],
        summary: 'What can be measured: unit, kind and range, for ever',
        response: { 200: pageOf(quantitySchema) },
      },
    },
    async () =>
      wholeList(
        quantityNames.map((name) => {
          const { states, ...definition } = defineQuantity(name)
          return { name, ...definition, ...(states === undefined ? {} : { states: [...states] }) }
        }),
      ),
  )
}
