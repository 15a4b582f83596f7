import { Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { mutate } from '../store/registry.ts'
import { type Mapping, mappingSchema } from './import-mapping.ts'
import { parseInput } from './input.ts'

/** Most profiles that are kept. */
const maxProfiles = 500

/** A mapping under a name, to be used again. */
export type ImportProfile = { name: string; mapping: Mapping }

/** The profiles in the order of their names. */
export async function listProfiles({ registry }: Access): Promise<ImportProfile[]> {
  const rows = await registry.selectFrom('import_profiles').selectAll().orderBy('name').limit(maxProfiles).execute()
  return rows.map(({ name, mapping }) => ({ name, mapping: JSON.parse(mapping) as Mapping }))
}

/** Throws Problem `not_found`. */
export async function getProfile({ registry }: Access, name: string): Promise<ImportProfile> {
  const row = await registry.selectFrom('import_profiles').selectAll().where('name', '=', name).executeTakeFirst()
  if (row === undefined) throw new Problem('not_found', { fr: `correspondance ${name}`, en: `import profile ${name}` })
  return { name, mapping: JSON.parse(row.mapping) as Mapping }
}

/** Keeps a mapping under a name, in the place of the one before. Throws Problem `bad_request`. */
export async function putProfile(access: Access, name: string, input: Mapping): Promise<ImportProfile> {
  const mapping = parseInput(mappingSchema, input)
  if (name.length > 120 || /\p{Cc}/u.test(name))
    throw new Problem('bad_request', {
      fr: 'un nom a au plus 120 caractères, sans caractère de contrôle',
      en: 'a name has at most 120 characters, without control characters',
    })
  return mutate(access, async ({ trx, revision, record }) => {
    const before = await trx.selectFrom('import_profiles').selectAll().where('name', '=', name).executeTakeFirst()
    const { count } = await trx
      .selectFrom('import_profiles')
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    if (before === undefined && Number(count) >= maxProfiles)
      throw new Problem('bad_request', {
        fr: `au plus ${maxProfiles} profils sont gardés`,
        en: `at most ${maxProfiles} profiles are kept`,
      })
    const row = { mapping: JSON.stringify(mapping), revision }
    await trx
      .insertInto('import_profiles')
      .values({ name, ...row })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
      .execute()
    record('import_profile', name, before === undefined ? null : { mapping: before.mapping }, row)
    return { name, mapping }
  })
}

/** Throws Problem `not_found`. */
export async function removeProfile(access: Access, name: string): Promise<void> {
  await mutate(access, async ({ trx, record }) => {
    const row = await trx.deleteFrom('import_profiles').where('name', '=', name).returningAll().executeTakeFirst()
    if (row === undefined)
      throw new Problem('not_found', { fr: `correspondance ${name}`, en: `import profile ${name}` })
    record('import_profile', name, { mapping: row.mapping }, null)
  })
}
