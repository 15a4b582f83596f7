import type { Transaction } from 'kysely'
import { foldText } from '../../inventory/search.ts'
import { addToken } from '../../inventory/tokens.ts'
import { systemAccess } from '../../store/access.ts'
import { inParts, openRegistry } from '../../store/registry.ts'
import type { RegistryTables } from '../../store/registry-tables.ts'
import { hashGenerated, newSecret } from '../../store/secrets.ts'
import type { Credentials } from './subject.ts'

/** How large a register is; a device has had several places, on all but one of which it is no more. */
export type RegisterSize = { assets: number; devices: number; installations: number }

export const registerKinds = [
  'waste_container',
  'street_light',
  'energy_meter',
  'water_meter',
  'parking_bay',
  'classroom',
  'bench',
  'shelter',
] as const
export const registerServices = ['Propreté', 'Éclairage', 'Énergie', 'Voirie'] as const
export const registerDistricts = Array.from({ length: 40 }, (_, i) => `Quartier ${i + 1}`)
export const registerStreets = [
  'rue de la Paix',
  'avenue de Colmar',
  'rue du Sauvage',
  'boulevard de l’Europe',
  'place de la Réunion',
  'rue des Tanneurs',
  'quai du Forst',
  'rue de Bâle',
  'chemin des Dames',
  'passage du Théâtre',
]

const dayMs = 86_400_000

/** A number that looks like chance and is the same each time. */
const scatter = (i: number) => Math.imul(i + 1, 0x9e3779b1) >>> 0

/**
 * Lays down a register in the tables that Parvis keeps it in, under their constraints, in one transaction; the audit
 * begins after it. Answers the credentials of the first `clients` devices, and a token that reads.
 */
export async function layDownRegister(
  place: { dataDir: string; database: string },
  { assets, devices, installations }: RegisterSize,
  clients: number,
): Promise<{ credentials: Credentials; token: string }> {
  const now = Date.now()
  const registry = await openRegistry(place)
  const credentials = Array.from({ length: clients }, (_, i) => ({ id: deviceId(i), secret: newSecret() }))
  await registry.transaction().execute(async (trx) => {
    await insert(trx, 'assets', assets, (i) => makeAsset(i, now))
    await insert(trx, 'devices', devices, (i) => makeDevice(i, credentials[i]?.secret ?? newSecret(), now))
    await insert(trx, 'installations', installations, (i) => makeInstallation(i, assets, devices, now))
    await trx.updateTable('change_counter').set({ revision: 1 }).execute()
  })
  const { token } = await addToken(systemAccess(registry, 'bench'), { role: 'viewer' })
  await registry.destroy()
  return { credentials, token }
}

async function insert<Table extends 'assets' | 'devices' | 'installations'>(
  trx: Transaction<RegistryTables>,
  table: Table,
  count: number,
  make: (i: number) => RegistryTables[Table],
): Promise<void> {
  for (const part of inParts(Array.from({ length: count }, (_, i) => i)))
    await trx
      .insertInto(table)
      .values(part.map(make) as never)
      .execute()
}

const assetId = (i: number) => `asset-${String(i).padStart(6, '0')}`
const deviceId = (i: number) => `load-${i}`

function makeAsset(i: number, now: number): RegistryTables['assets'] {
  const chance = scatter(i)
  const kind = registerKinds[chance % registerKinds.length]!
  const street = registerStreets[(chance >>> 3) % registerStreets.length]!
  const address = `${((chance >>> 7) % 300) + 1} ${street}`
  const [north, east] = [(chance >>> 4) % 10_000, (chance >>> 9) % 10_000]
  // Five rows of eight, side by side as districts lie.
  const district = registerDistricts[Math.floor(north / 2000) * 8 + Math.floor(east / 1250)]!
  const label = `${kind.replaceAll('_', ' ')} ${i}, ${street}`
  return {
    id: assetId(i),
    kind,
    label,
    inventory_number: null,
    latitude: 47.7 + north / 1e5,
    longitude: 7.3 + east / 1e5,
    address,
    district,
    commune: 'Mulhouse',
    service: registerServices[(chance >>> 6) % registerServices.length]!,
    parent_id: null,
    life_cycle: i % 50 === 49 ? 'disposed' : 'in_service',
    condition: null,
    acquired_on: null,
    commissioned_on: null,
    warranty_until: null,
    disposed_on: null,
    attributes: '{}',
    search: foldText([assetId(i), label, address, district, 'Mulhouse'].join(' ')),
    created_at: now - 400 * dayMs,
    revision: 1,
  }
}

function makeDevice(i: number, secret: string, now: number): RegistryTables['devices'] {
  return {
    id: deviceId(i),
    model: 'generic-json',
    label: null,
    expected_interval_s: i % 10 === 0 ? 3600 : null,
    life_cycle: 'active',
    service: null,
    secret: hashGenerated(secret),
    secret_revision: 1,
    secret_set_at: now,
    search: deviceId(i),
    created_at: now - 400 * dayMs,
    revision: 1,
  }
}

/** The first of each device is where it is; those after are where it was, a hundred days each, before that. */
function makeInstallation(i: number, assets: number, devices: number, now: number): RegistryTables['installations'] {
  const device = i % devices
  const past = Math.floor(i / devices)
  const from = now - (past + 1) * 100 * dayMs
  return {
    id: `019c7a54-7c00-7000-8000-${String(i).padStart(12, '0')}`,
    device_id: deviceId(device),
    asset_id: assetId((device + past * 7919) % assets),
    channel: null,
    installed_at: from,
    removed_at: past === 0 ? null : from + 100 * dayMs,
    calibration: null,
    recorded_at: from,
    revision: 1,
  }
}
