import { execFile } from 'node:child_process'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { journalFolder } from '../store/journal.ts'
import { listSegments } from '../store/journal-segment.ts'
import { readRoleState } from '../store/role-state.ts'
import { makeFolder, type Platform, parvis, parvisText, startPlatform } from './support/platform.ts'
import { until } from './support/until.ts'

const perSegment = 100

let folder: ReturnType<typeof makeFolder>
let platform: Platform | undefined
beforeEach(() => {
  folder = makeFolder()
})
afterEach(async () => {
  await platform?.kill()
  folder.remove()
})

type Report = { isSound: boolean; found: string[]; journal: Record<string, number> }

/** What `parvis verify` says, with its exit code. */
function verify(dataDir: string): Promise<{ code: number; report: Report }> {
  const script = join(import.meta.dirname, '..', 'cli', 'parvis.ts')
  const env = { PATH: process.env.PATH, PARVIS_DATA_DIR: dataDir }
  return new Promise((resolve) =>
    execFile(process.execPath, [script, 'verify', '--json'], { env }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), report: JSON.parse(stdout) as Report }),
    ),
  )
}

/** Runs the platform while so many readings are published, each of them acknowledged. */
async function publishSegment(dataDir: string, secret: string, from: number) {
  platform = await startPlatform({ dataDir })
  const client = await mqtt.connectAsync({
    port: platform.mqttPort,
    clientId: 'probe',
    username: 'probe',
    password: secret,
  })
  for (let i = 0; i < perSegment; i++) {
    const payload = JSON.stringify({ observedAt: from + i, readings: { temperature: i / 10 } })
    await client.publishAsync('devices/probe/up', payload, { qos: 1 })
  }
  await client.endAsync()
  await platform.kill()
}

test('a flipped bit, a zeroed page and a torn tail are reported, and the rest is read', async () => {
  const dataDir = folder.path
  const { secret } = await parvis<{ secret: string }>(dataDir, 'device', 'add', 'probe', '--model', 'generic-json')
  const start = Date.now() - 86_400_000
  for (let i = 0; i < 3; i++) await publishSegment(dataDir, secret, start + i * perSegment)
  expect((await verify(dataDir)).code).toBe(0)

  const [first, second, third] = listSegments(journalFolder(dataDir)).map(({ path }) => path)
  damage(first!, (bytes) => {
    bytes[bytes.length >> 1]! ^= 4
  })
  damage(second!, (bytes) => bytes.fill(0, 4096, 8192))
  truncateSync(third!, readFileSync(third!).length - 5)
  // The readings were lost as well: they are made from the journal again.
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dataDir, `ingest.sqlite${suffix}`), { force: true })

  const { code, report } = await verify(dataDir)
  expect(code).toBe(1)
  expect(report).toMatchObject({ isSound: false, journal: { damagedRegions: 2 } })
  expect(report.journal.tornBytes).toBeGreaterThan(0)
  const { lostUplinks } = report.journal as { lostUplinks: number }
  expect(lostUplinks).toBeGreaterThan(10)
  expect(report.found.join('\n')).toContain(`bytes that are no record in ${first}`)

  platform = await startPlatform({ dataDir })
  await until(() => (readRoleState(dataDir, 'ingest').counters.cursor ?? 0) >= 3 * perSegment - 1)
  await until(async () => {
    const metrics = await (await fetch(`${platform!.httpUrl}/metrics`)).text()
    return (
      metrics.includes('\nparvis_ingest_journal_damaged_regions_total 2\n') &&
      metrics.includes(`\nparvis_ingest_journal_lost_uplinks_total ${lostUplinks}\n`) &&
      /\nparvis_broker_journal_torn_bytes [1-9]/.test(metrics)
    )
  })
  const stored = (await parvisText(dataDir, 'export', 'readings'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { observedAt: string; value: number })
  // The torn record is the only one that no later one tells of.
  expect(stored.length).toBe(3 * perSegment - lostUplinks - 1)
  for (const { observedAt, value } of stored) expect(value).toBe(((Date.parse(observedAt) - start) % perSegment) / 10)
})

function damage(path: string, change: (bytes: Buffer) => void) {
  const bytes = readFileSync(path)
  change(bytes)
  writeFileSync(path, bytes)
}
