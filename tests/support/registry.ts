import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openRegistry, type Registry } from '../../store/registry.ts'

/** A folder that goes with the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A fresh registry in a folder of its own, both gone with the test. */
export async function makeRegistry(dataDir = makeFolder()): Promise<Registry> {
  const registry = await openRegistry({ dataDir })
  onTestFinished(() => registry.destroy())
  return registry
}

/** The code of the Problem that a promise is refused with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'not refused'
}
