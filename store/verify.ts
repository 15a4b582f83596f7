import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkSealed, type SealedReport } from './embedded-verify.ts'
import { ingestFile } from './ingest-file.ts'
import { journalFolder } from './journal.ts'
import { openJournalReader } from './journal-reader.ts'
import { readSegmentTail } from './journal-recovery.ts'
import { listSegments } from './journal-segment.ts'
import { openSqlite } from './sqlite.ts'

/** What a check of a data folder found. `found` says in words what is wrong; empty when `isSound`. */
export type Report = {
  isSound: boolean
  journal: { segments: number; uplinks: number; damagedRegions: number; lostUplinks: number; tornBytes: number }
  databases: { file: string; isSound: boolean }[]
  sealed: Omit<SealedReport, 'found'>
  found: string[]
}

/**
 * Reads everything that a data folder keeps: every record of the journal against its checksum and its number, every page
 * of the databases, every block of sealed readings and the rollups that follow from it. Changes nothing; the platform may run meanwhile.
 */
export async function verifyData(dataDir: string): Promise<Report> {
  const found: string[] = []
  const folder = journalFolder(dataDir)
  const reader = openJournalReader(folder, { afterSeq: 0, onDamage: (text) => found.push(text) })
  let uplinks = 0
  for (let batch = reader.read(); batch.length > 0; batch = reader.read()) uplinks += batch.length
  reader.close()
  const segments = listSegments(folder)
  // The last segment is being written while the platform runs: what is unfinished there is no damage.
  const last = segments.at(-1)
  const tornBytes = last === undefined ? 0 : (await readSegmentTail(last)).tornBytes
  if (tornBytes > 0) found.push(`${tornBytes} bytes at the end of ${last!.path} are no record, or are being written`)

  const databases = [ingestFile(dataDir), join(dataDir, 'registry.sqlite')].filter(existsSync).map((file) => {
    const faults = checkDatabase(file)
    found.push(...faults.map((fault) => `${file}: ${fault}`))
    return { file, isSound: faults.length === 0 }
  })
  const { found: damage, ...sealed } = readSealed(dataDir)
  found.push(...damage)
  return {
    isSound: found.length === 0,
    journal: {
      segments: segments.length,
      uplinks,
      damagedRegions: reader.damage.regions,
      lostUplinks: reader.damage.lostUplinks,
      tornBytes,
    },
    databases,
    sealed,
    found,
  }
}

function readSealed(dataDir: string): SealedReport {
  const none = { blocks: 0, readings: 0, damaged: 0, found: [] }
  if (!existsSync(ingestFile(dataDir))) return none
  const database = openSqlite(ingestFile(dataDir), { readOnly: true })
  try {
    return checkSealed(database)
  } catch (error) {
    return { ...none, damaged: 1, found: [`sealed readings: ${(error as Error).message}`] }
  } finally {
    database.close()
  }
}

// SQLite's own check of every page and index; at most ten faults are told.
function checkDatabase(file: string): string[] {
  try {
    const database = openSqlite(file, { readOnly: true })
    try {
      const rows = database.prepare('PRAGMA integrity_check(10)').all() as { integrity_check: string }[]
      return rows.map((row) => row.integrity_check).filter((text) => text !== 'ok')
    } finally {
      database.close()
    }
  } catch (error) {
    return [(error as Error).message]
  }
}
