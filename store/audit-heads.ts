import { closeSync, existsSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AuditHead } from './audit.ts'

/*
 * The copy of the audit's chain that stands outside the database: one line for each entry, with its revision and hash.
 * Lines are only ever appended, each in one write, so that several processes may write at once. Who cuts the end off the
 * chain, or makes it anew from some point on, contradicts this file.
 */

const linePattern = /^(\d{1,16}) ([0-9a-f]{64})$/

/** Where the copy stands in a data folder. */
export function auditHeadsFile(dataDir: string): string {
  return join(dataDir, 'audit-heads.log')
}

/** Writes down, durably, that an entry was committed. */
export function appendAuditHead(dataDir: string, { revision, hash }: AuditHead): void {
  const file = auditHeadsFile(dataDir)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const descriptor = openSync(file, 'a', 0o600)
  try {
    // The line break comes first: what a power cut left unfinished stays a line of its own, which is not read.
    writeSync(descriptor, `\n${revision} ${hash}`)
    fdatasyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** The entries that were committed, as the copy knows them, in no sure order; none without a file. */
export function readAuditHeads(dataDir: string): AuditHead[] {
  const file = auditHeadsFile(dataDir)
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, revision, hash] = linePattern.exec(line) ?? []
      return hash === undefined ? [] : [{ revision: Number(revision), hash }]
    })
}
