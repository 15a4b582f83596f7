import { models } from '../devices/catalogue.ts'
import type { DeviceModel } from '../devices/model.ts'
import type { ModelTable } from '../domain/model-table.ts'
import type { Label, Quantity } from '../domain/quantity.ts'
import type { Access } from '../store/access.ts'
import { getModel, listModels, type ModelSample, modelOrigins, type RegisteredModel } from './models.ts'
import { decodeCursor, encodeCursor, type Page, type PageRequest } from './page.ts'
import { foldText, searchWords } from './search.ts'

/** Where a model comes from: `parvis` for those of Parvis itself, which cannot be changed. */
export const catalogueOrigins = ['parvis', ...modelOrigins] as const

/** One device model, whichever list it stands in. Times are UTC epoch milliseconds. */
export type CatalogueModel = {
  id: string
  origin: (typeof catalogueOrigins)[number]
  vendor: string
  label: Label
  description: string
  assetKinds: string[]
  expectedIntervalS: number
  /** What it measures, as far as its table says it. */
  quantities: Quantity[]
  /** Published examples that came out as published, and all of them; null when it has none. */
  examples: { passed: number; total: number } | null
  version: number | null
  updatedAt: number | null
}

/** One model with all that is written down of it; a model of Parvis itself has neither table, codecs nor samples. */
export type CatalogueEntry = CatalogueModel & {
  codecs: Record<string, string>
  table: ModelTable | null
  samples: ModelSample[]
  createdAt: number | null
}

/** Every model: those of Parvis itself first, then those of the registry by id. */
export async function listCatalogue(
  access: Access,
  { limit, cursor, origin, q }: PageRequest & { origin?: string | undefined; q?: string | undefined },
): Promise<Page<CatalogueModel>> {
  const [place = builtIn, after = ''] = cursor === undefined ? [] : splitOnce(decodeCursor(cursor))
  const items: CatalogueModel[] = []
  if (place === builtIn && (origin === undefined || origin === 'parvis')) {
    const found = findBuiltIn(q ?? '')
    const from = after === '' ? 0 : found.findIndex(({ id }) => id === after) + 1
    for (const model of found.slice(from, from + limit)) items.push(tellBuiltIn(model))
    if (from + limit < found.length) return { items, next: encodeCursor(`${builtIn} ${items.at(-1)!.id}`) }
  }
  if (origin === 'parvis') return { items, next: null }
  const rest = await listModels(access, {
    limit: Math.max(1, limit - items.length),
    cursor: place === registered && after !== '' ? encodeCursor(after) : undefined,
    origin,
    q,
  })
  // The page was full already: what is there beyond it is asked for again.
  if (items.length === limit) return { items, next: rest.items.length === 0 ? null : encodeCursor(`${registered} `) }
  for (const model of rest.items) items.push(tellRegistered(model))
  return { items, next: rest.next === null ? null : encodeCursor(`${registered} ${items.at(-1)!.id}`) }
}

/** One model of either kind. Throws Problem `not_found`. */
export async function getCatalogueModel(access: Access, id: string): Promise<CatalogueEntry> {
  const model = models.get(id)
  if (model !== undefined) return { ...tellBuiltIn(model), codecs: {}, table: null, samples: [], createdAt: null }
  return tellEntry(await getModel(access, id))
}

/** A model of the registry in the words of the one list. */
export function tellEntry(model: RegisteredModel): CatalogueEntry {
  const { codecs, table, samples, createdAt } = model
  return { ...tellRegistered(model), codecs: codecs as Record<string, string>, table, samples, createdAt }
}

const builtIn = 'parvis'
const registered = 'registry'

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(' ')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function findBuiltIn(q: string): DeviceModel[] {
  const words = searchWords(q)
  return [...models.values()].filter(({ id, vendor, label }) => {
    const text = foldText(`${id} ${vendor} ${label.fr} ${label.en}`)
    return words.every((word) => text.includes(word))
  })
}

function tellBuiltIn({ id, vendor, label, assetKinds, expectedIntervalS, quantities }: DeviceModel): CatalogueModel {
  return {
    id,
    origin: 'parvis',
    vendor,
    label,
    description: '',
    assetKinds: [...assetKinds],
    expectedIntervalS,
    quantities: [...quantities],
    examples: null,
    version: null,
    updatedAt: null,
  }
}

function tellRegistered(model: RegisteredModel): CatalogueModel {
  const { id, origin, vendor, label, description, expectedIntervalS, table, examples, version, updatedAt } = model
  return {
    id,
    origin,
    vendor,
    label: { fr: label, en: label },
    description,
    assetKinds: [],
    expectedIntervalS,
    quantities: [...new Set(table.fields.map(({ quantity }) => quantity))],
    examples,
    version,
    updatedAt,
  }
}
