import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { quantile } from './quantiles.ts'
import { round } from './report.ts'

const writes = 300
const bytes = 20_000
const pauseMs = 5

/**
 * How long the disk alone takes to make 20 KB durable, again and again: what no acknowledgement can undercut, and how
 * disturbed the machine is. A sentence.
 */
export async function describeDisk(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-disk-'))
  const file = openSync(join(folder, 'file'), 'w')
  const taken: number[] = []
  for (let i = 0; i < writes; i++) {
    writeSync(file, Buffer.alloc(bytes, i), 0, bytes, i * bytes)
    const begun = performance.now()
    fdatasyncSync(file)
    taken.push(performance.now() - begun)
    await setTimeout(pauseMs)
  }
  closeSync(file)
  rmSync(folder, { recursive: true })
  const of = (q: number) => round(quantile(taken, q))
  return `An fdatasync of 20 KB, alone, takes ${of(0.5)} ms (median), ${of(0.99)} ms (p99), ${of(1)} ms (longest of ${writes}).`
}
