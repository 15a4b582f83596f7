import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/*
 * Which servers and clients that are not ours the tests ran against. Test processes write lines into a file, which the
 * main process, Vitest's global setup, makes before them and tells at the very end.
 */
const variable = 'TEST_PARTS_FILE'

/** Says that a test works with a real server or client: its name and version are told in the last lines of the run. */
export function noteRealPart(name: string, version: string): void {
  const file = process.env[variable]
  if (file !== undefined) appendFileSync(file, `${name} ${version}\n`)
}

/** The same of a package out of node_modules. */
export function noteRealPackage(name: string): void {
  const file = join(import.meta.dirname, '..', '..', 'node_modules', name, 'package.json')
  noteRealPart(name, `${JSON.parse(readFileSync(file, 'utf8')).version} (npm)`)
}

/** Vitest's global setup; what it returns is called when all tests are over. */
export default function gatherRealParts(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'parvis-parts-'))
  const file = join(folder, 'parts')
  process.env[variable] = file
  return () => {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
    rmSync(folder, { recursive: true })
    if (lines.length === 0) return
    console.log('\nReal servers and clients that these tests ran against:')
    for (const line of [...new Set(lines)].sort()) console.log(`  ${line}`)
  }
}
