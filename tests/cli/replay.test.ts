import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connectAsync } from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { ingestFile } from '../../store/ingest-file.ts'
import { parvis, parvisText, startPlatform } from '../support/platform.ts'
import { makeFolder } from '../support/registry.ts'

type Counts = { state: string; uplinks: number; readings: number; deadLetters: number }

test('a replay is done by ingest while it runs, and by the command itself when nothing does', async () => {
  const dataDir = join(makeFolder(), 'data')
  const { secret } = await parvis<{ secret: string }>(dataDir, 'device', 'add', 'd-1', '--model', 'generic-json')
  const platform = await startPlatform({ dataDir })
  onTestFinished(() => platform.kill())
  const client = await connectAsync(`mqtt://127.0.0.1:${platform.mqttPort}`, {
    clientId: 'd-1',
    username: 'd-1',
    password: secret,
  })
  for (const payload of ['{"readings":{"co2":600,"temperature":21}}', 'no JSON at all'])
    await client.publishAsync('devices/d-1/up', payload, { qos: 1 })
  await client.endAsync()

  const expected = { state: 'done', uplinks: 2, readings: 2, deadLetters: 1 }
  expect(await parvis<Counts>(dataDir, 'replay')).toMatchObject(expected)
  expect(await parvis<Counts>(dataDir, 'replay', '--device', 'nobody')).toMatchObject({ state: 'done', readings: 0 })
  await expect(parvis(dataDir, 'compact')).rejects.toThrow('arrêtez-la')
  expect(await platform.stop()).toBe(0)

  // A file of before it could give place back, with pages that nothing uses.
  const file = new DatabaseSync(ingestFile(dataDir))
  file.exec(`
    PRAGMA auto_vacuum = NONE; VACUUM;
    CREATE TABLE large AS SELECT zeroblob(2000000) AS data; DROP TABLE large; PRAGMA wal_checkpoint(TRUNCATE)`)
  file.close()
  const told = await parvis<{ before: number; after: number }>(dataDir, 'compact')
  expect(told.before - told.after).toBeGreaterThan(1_900_000)
  const compacted = new DatabaseSync(ingestFile(dataDir), { readOnly: true })
  expect(compacted.prepare('PRAGMA auto_vacuum').get()).toEqual({ auto_vacuum: 2 })
  compacted.close()

  expect(await parvis<Counts>(dataDir, 'replay', '--replace')).toMatchObject(expected)
  expect(await parvis(dataDir, 'verify')).toMatchObject({ isSound: true, journal: { uplinks: 2 } })
  const lines = (await parvisText(dataDir, 'export', 'readings')).trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).value).sort()).toEqual([21, 600])
})
