import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LoadOptions, LoadResult } from '../load.ts'

const run = promisify(execFile)
const generator = join(import.meta.dirname, '..', 'load.ts')

/** Publishes a load from a process of its own, and answers what it saw. */
export async function generateLoad(options: LoadOptions): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-load-'))
  try {
    const file = join(folder, 'load.json')
    writeFileSync(file, JSON.stringify(options))
    const { stdout } = await run(process.execPath, [generator, file])
    return JSON.parse(stdout) as LoadResult
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
