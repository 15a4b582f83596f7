import { spawn } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { mutate, openRegistry, readRevision, recordRemoval } from '../../store/registry.ts'
import { registryFile } from '../../store/registry-dialect.ts'
import { makeFolder, makeRegistry } from '../support/registry.ts'

test('a reader does not make a registry', async () => {
  await expect(openRegistry({ dataDir: makeFolder(), readOnly: true })).rejects.toThrow('there is no registry')
})

test('opening again finds the schema there, and readers can read but not write', async () => {
  const dataDir = makeFolder()
  const registry = await makeRegistry(dataDir)
  await mutate(registry, async () => {})
  const again = await makeRegistry(dataDir)
  expect(await readRevision(again)).toBe(1)
  const reader = await openRegistry({ dataDir, readOnly: true })
  expect(await readRevision(reader)).toBe(1)
  await expect(mutate(reader, async () => {})).rejects.toThrow(/readonly/)
  await reader.destroy()
})

test('a registry that a newer version wrote is refused', async () => {
  const dataDir = makeFolder()
  await (await openRegistry({ dataDir })).destroy()
  const database = new DatabaseSync(registryFile(dataDir))
  database.exec(`INSERT INTO migrations (version, name) VALUES (999, 'later')`)
  database.close()
  await expect(openRegistry({ dataDir })).rejects.toThrow('newer Parvis')
})

test('processes that start at once and write at once neither fail nor lose a change', async () => {
  const dataDir = makeFolder()
  const program = `
    import { mutate, openRegistry } from ${JSON.stringify(new URL('../../store/registry.ts', import.meta.url).href)}
    const registry = await openRegistry({ dataDir: ${JSON.stringify(dataDir)} })
    for (let i = 0; i < 25; i++) {
      await mutate(registry, (trx) => trx.selectFrom('devices').selectAll().execute())
      await registry.transaction().execute(async (trx) => {
        const { revision } = await trx.selectFrom('status_cursor').selectAll().executeTakeFirst()
        await trx.updateTable('status_cursor').set({ revision: revision + 1 }).execute()
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
  const failing = mutate(registry, async (trx, revision) => {
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
    Array.from({ length: 20 }, () => mutate(registry, async (_, revision) => revision)),
  )
  expect(revisions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
})
