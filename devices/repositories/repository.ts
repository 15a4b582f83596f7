import type { ScriptPool } from '../scripts/pool.ts'
import { actilityLayout } from './actility.ts'
import { chirpstackLayout } from './chirpstack.ts'
import { type Layout, type PublishedVendor, toScript } from './published.ts'
import { ttnLayout } from './ttn.ts'

/** The layouts that are recognised, the surest sign first. */
const layouts: readonly Layout[] = [chirpstackLayout, ttnLayout, actilityLayout]

export type Repository = {
  layout: Layout['id']
  vendors: string[]
  read(vendor: string): Promise<PublishedVendor>
}

/** Opens a copy of a device repository, or of one vendor's part of it; null when the folder holds none. */
export function openRepository(folder: string, pool: ScriptPool): Repository | null {
  const evaluate = async (expression: string) => {
    const source = `exports.decodeUplink = () => ({ data: (\n${expression.replace(/[\s;]+$/, '')}\n) })`
    const outcome = await pool.run({
      script: toScript(source),
      operation: 'decodeUplink',
      input: {},
      receivedAt: Date.now(),
      patient: true,
    })
    return outcome.ok ? (outcome.answer as { data: unknown }).data : new Error(outcome.error)
  }
  for (const layout of layouts) {
    const base = layout.find(folder)
    if (base !== null)
      return { layout: layout.id, vendors: layout.list(base), read: (vendor) => layout.read(base, vendor, evaluate) }
  }
  return null
}
