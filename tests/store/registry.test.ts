import { spawn } from 'node:child_process'
import { Kysely, sql } from 'kysely'
import { expect, test } from 'vitest'
import { systemAccess } from '../../store/access.ts'
import { mutate, openRegistry, type Registry, readRevision, recordRemoval } from '../../store/registry.ts'
import { openDialect } from '../../store/registry-dialect.ts'
import { migrations } from '../../store/registry-migrations.ts'
import { databaseOf, makeFolder, makeRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const all = (registry: Registry) => systemAccess(registry, 'test')

async function place(dataDir = makeFolder()) {
  return { dataDir, database: await databaseOf(dataDir, 'empty') }
}

test('a reader does not make a registry', async () => {
  await expect(openRegistry({ ...(await place()), readOnly: true })).rejects.toThrow(
    /there is no registry|does not exist/,
  )
})

test('opening again finds the schema there, and readers can read but not write', async () => {
  const dataDir = makeFolder()
  const registry = await makeRegistry(dataDir)
  await mutate(all(registry), async () => {})
  const again = await makeRegistry(dataDir)
  expect(await readRevision(again)).toBe(1)
  const reader = await openRegistry({ ...(await place(dataDir)), readOnly: true })
  expect(await readRevision(reader)).toBe(1)
  await expect(mutate(all(reader), async () => {})).rejects.toThrow(/readonly|read-only/)
  await reader.destroy()
})

test('a registry that a newer version wrote is refused', async () => {
  const dataDir = makeFolder()
  const registry = await openRegistry(await place(dataDir))
  await sql`insert into migrations (version, name) values (999, 'later')`.execute(registry)
  await registry.destroy()
  await expect(openRegistry(await place(dataDir))).rejects.toThrow('newer Parvis')
})

test('processes that start at once and write at once neither fail nor lose a change', async () => {
  const dataDir = makeFolder()
  const program = `
    import { systemAccess } from ${JSON.stringify(new URL('../../store/access.ts', import.meta.url).href)}
    import { mutate, openRegistry } from ${JSON.stringify(new URL('../../store/registry.ts', import.meta.url).href)}
    const registry = await openRegistry(${JSON.stringify(await place(dataDir))})
    for (let i = 0; i < 25; i++) {
      await mutate(systemAccess(registry, 'test'), ({ trx }) => trx.selectFrom('devices').selectAll().execute())
      await registry.transaction().execute(async (trx) => {
        await trx.selectFrom('status_cursor').selectAll().executeTakeFirst()
        await trx.updateTable('status_cursor').set((e) => ({ revision: e('revision', '+', 1) })).execute()
      })
    }
    await registry.destroy()
  `
  const exits = await Promise.all(
    Array.from(
      { length: 4 },
      () =>
        new Promise((resolve) => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
            stdio: ['ignore', 'inherit', 'inherit'],
          })
          child.once('exit', resolve)
        }),
    ),
  )
  expect(exits).toEqual([0, 0, 0, 0])
  const registry = await makeRegistry(dataDir)
  expect(await readRevision(registry)).toBe(100)
  expect(await registry.selectFrom('status_cursor').select('revision').executeTakeFirst()).toEqual({ revision: 100 })
})

test('a mutation that throws leaves nothing, not even its revision', async () => {
  const registry = await makeRegistry()
  const failing = mutate(all(registry), async ({ trx, revision }) => {
    await recordRemoval(trx, revision, 'device', 'gone')
    throw new Error('on purpose')
  })
  await expect(failing).rejects.toThrow('on purpose')
  expect(await readRevision(registry)).toBe(0)
  expect(await registry.selectFrom('removals').selectAll().execute()).toEqual([])
})

test('concurrent mutations of one process take turns', async () => {
  const registry = await makeRegistry()
  const revisions = await Promise.all(
    Array.from({ length: 20 }, () => mutate(all(registry), async ({ revision }) => revision)),
  )
  expect(revisions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
})

test('migrations that are killed in the middle are rolled back, and done at the next start', async () => {
  const { dataDir, database } = await place()
  const at = (file: string) => JSON.stringify(new URL(`../../store/${file}`, import.meta.url).href)
  const program = `
    import { Kysely, sql } from 'kysely'
    import { openDialect } from ${at('registry-dialect.ts')}
    import { migrate, migrations } from ${at('registry-migrations.ts')}
    const { dialect, lock } = await openDialect(${JSON.stringify({ dataDir, database, readOnly: false })})
    const registry = new Kysely({ dialect })
    await migrate(registry, lock, migrations.slice(0, Number(process.argv[1])))
    console.log('some')
    await migrate(registry, lock, [
      ...migrations.slice(0, -1),
      {
        name: 'the last',
        async up(trx) {
          await migrations.at(-1).up(trx)
          await sql\`create table half_done (id integer)\`.execute(trx)
          console.log('in the middle')
          await new Promise(() => setInterval(() => {}, 1000))
        },
      },
    ])
  `
  for (const done of [0, 1, 4]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, String(done)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: new URL('../..', import.meta.url),
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    let output = ''
    child.stdout.on('data', (bytes) => {
      output += bytes
    })
    await until(() => output.includes('in the middle'))
    child.kill('SIGKILL')
    await ended
    if (done === 0) continue
    const { rows } = await readVersion(dataDir, database)
    expect(rows).toEqual([{ version: done }])
  }
  const registry = await makeRegistry(dataDir)
  expect(await readRevision(registry)).toBe(0)
  await expect(sql`select * from half_done`.execute(registry)).rejects.toThrow(/half_done/)
  const { rows } = await readVersion(dataDir, database)
  expect(rows).toEqual([{ version: migrations.length }])
})

// As any program would read it, which knows nothing of migrations.
async function readVersion(dataDir: string, database: string) {
  const reader = new Kysely<unknown>({ dialect: (await openDialect({ dataDir, database, readOnly: true })).dialect })
  try {
    return await sql<{ version: number }>`select max(version) as version from migrations`.execute(reader)
  } finally {
    await reader.destroy()
  }
}
