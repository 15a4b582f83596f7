import { z } from 'zod'
import { type AttributeDefinition, assetKindNames, assetKinds, attributesOf } from '../../domain/asset-kind.ts'
import type { Routes } from '../context.ts'
import { labelSchema, pageOf, wholeList } from '../shapes.ts'

const attributeSchema = z.object({
  name: z.string().describe('As it stands in `attributes`, and after `attributes.` in the header of a file.'),
  label: labelSchema,
  type: z.enum(['text', 'number', 'boolean', 'date', 'choice']),
  unit: z.string().nullable().describe('UCUM code.'),
  min: z.number().nullable(),
  max: z.number().nullable(),
  integer: z.boolean(),
  pattern: z.string().nullable().describe('Regular expression that a text must match.'),
  choices: z.array(z.object({ value: z.string(), label: labelSchema })),
})

const kindSchema = z
  .object({ kind: z.string(), label: labelSchema, attributes: z.array(attributeSchema) })
  .meta({ id: 'AssetKind' })

export const assetKindRoutes: Routes = (api) => {
  api.get(
    '/asset-kinds',
    {
      config: { role: 'public' },
      schema: {
        tags: ['catalogue'],
        summary: 'Asset kinds, and the attributes that Parvis knows of each',
        response: { 200: pageOf(kindSchema) },
      },
    },
    async () =>
      wholeList(
        assetKindNames.map((kind) => ({
          kind,
          label: assetKinds[kind].label,
          attributes: Object.entries(attributesOf(kind)).map(([name, definition]) => tellAttribute(name, definition)),
        })),
      ),
  )
}

function tellAttribute(name: string, definition: AttributeDefinition): z.infer<typeof attributeSchema> {
  const { type, label } = definition
  const isNumber = type === 'number'
  return {
    name,
    label,
    type,
    unit: isNumber ? (definition.unit ?? null) : null,
    min: isNumber ? definition.min : null,
    max: isNumber ? definition.max : null,
    integer: isNumber && definition.integer === true,
    pattern: type === 'text' ? (definition.pattern?.source ?? null) : null,
    choices:
      type === 'choice'
        ? Object.entries(definition.choices).map(([value, choiceLabel]) => ({ value, label: choiceLabel }))
        : [],
  }
}
