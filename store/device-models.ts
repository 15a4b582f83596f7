import { inParts, type Registry } from './registry.ts'

/** What ingest and the encoding of commands know of a model beside those of the catalogue. */
export type KnownModel = {
  id: string
  /** The source for each operation, under its hash; empty for a model that reads JSON without code. */
  codecs: Readonly<Record<string, { id: string; source: string }>>
  dialect: { recvTime?: 'date' | 'text'; isBare?: boolean }
  /** The table of the model as JSON gives it: it was checked when it was written. */
  mapping: unknown
}

/** The models of these ids; one that the registry does not have is absent. */
export async function readDeviceModels(registry: Registry, ids: readonly string[]): Promise<Map<string, KnownModel>> {
  const found = new Map<string, KnownModel>()
  for (const part of inParts(ids)) {
    const rows = await registry
      .selectFrom('device_models')
      .select(['id', 'codecs', 'dialect', 'mapping'])
      .where('id', 'in', part)
      .execute()
    const named = rows.map((row) => ({ ...row, codecs: JSON.parse(row.codecs) as Record<string, string> }))
    const sources = await readCodecs(
      registry,
      named.flatMap(({ codecs }) => Object.values(codecs)),
    )
    for (const { id, codecs, dialect, mapping } of named)
      found.set(id, {
        id,
        codecs: Object.fromEntries(
          Object.entries(codecs).flatMap(([operation, codecId]) => {
            const source = sources.get(codecId)
            return source === undefined ? [] : [[operation, { id: codecId, source }]]
          }),
        ),
        dialect: JSON.parse(dialect) as KnownModel['dialect'],
        mapping: JSON.parse(mapping) as unknown,
      })
  }
  return found
}

async function readCodecs(registry: Registry, ids: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const part of inParts([...new Set(ids)])) {
    const rows = await registry.selectFrom('codecs').select(['id', 'source']).where('id', 'in', part).execute()
    for (const { id, source } of rows) found.set(id, source)
  }
  return found
}
