import { models } from '../devices/catalogue.ts'
import type { AssetKind } from '../domain/asset-kind.ts'
import { dayMs, epochMs, hourMs } from './calendar.ts'
import { planFaults } from './faults.ts'
import type { BehaviourName, City, PlannedAsset, PlannedDevice, PlannedInstallation, Site } from './plan.ts'
import { between, hashOf, hashText, pick, shuffle, uniform } from './random.ts'
import { layStreets, type Point, pointOn, type Street } from './streets.ts'

/** Largest city: that many MQTT connections come from one process. */
export const maxAssets = 10_000

/** What a city of any size is made of: the share of each kind of asset, who looks after it, and what measures it. */
const assetPlan = [
  { kind: 'street_light', share: 0.42, prefix: 'lum', service: 'Éclairage public' },
  { kind: 'waste_container', share: 0.22, prefix: 'ctn', service: 'Propreté urbaine' },
  { kind: 'parking_bay', share: 0.14, prefix: 'sta', service: 'Stationnement' },
  { kind: 'classroom', share: 0.08, prefix: 'cla', service: 'Éducation' },
  { kind: 'energy_meter', share: 0.045, prefix: 'ele', service: 'Énergie et fluides' },
  { kind: 'water_meter', share: 0.025, prefix: 'eau', service: 'Énergie et fluides' },
  { kind: 'bench', share: 0.03, prefix: 'ban', service: 'Espaces publics' },
  { kind: 'shelter', share: 0.02, prefix: 'abr', service: 'Mobilités' },
  { kind: 'measuring_point', share: 0.02, prefix: 'mes', service: 'Environnement' },
] as const satisfies readonly { kind: AssetKind; share: number; prefix: string; service: string }[]

type Kind = (typeof assetPlan)[number]['kind']

type DevicePlan = {
  model: string
  behaviour: BehaviourName
  prefix: string
  /** On which of the kind's assets: the nth of every `every`, from 0. */
  every: number
  nth: number
  /** How often it speaks, in seconds, where that is not its model's interval. */
  intervalS?: number
  /** Only at these sites. */
  sites?: readonly Site[]
}

/** The devices that hang on the assets of a kind. */
const devicePlan: Record<Kind, readonly DevicePlan[]> = {
  street_light: [{ model: 'parvis-light-300', behaviour: 'street-light', prefix: 'light', every: 1, nth: 0 }],
  waste_container: [{ model: 'parvis-fill-100', behaviour: 'waste-container', prefix: 'fill', every: 1, nth: 0 }],
  parking_bay: [{ model: 'parvis-bay-700', behaviour: 'parking-bay', prefix: 'bay', every: 1, nth: 0, intervalS: 900 }],
  classroom: [{ model: 'parvis-room-600', behaviour: 'classroom', prefix: 'room', every: 1, nth: 0 }],
  // Schools are small enough for a Linky meter (36 kVA); where there is one, nothing else is needed.
  energy_meter: [
    { model: 'linky-tic', behaviour: 'linky-meter', prefix: 'linky', every: 1, nth: 0, sites: ['school'] },
    {
      model: 'parvis-meter-400',
      behaviour: 'energy-meter',
      prefix: 'meter',
      every: 1,
      nth: 0,
      sites: ['town_hall', 'pool'],
    },
  ],
  water_meter: [{ model: 'parvis-water-500', behaviour: 'water-meter', prefix: 'water', every: 1, nth: 0 }],
  bench: [{ model: 'parvis-bench-800', behaviour: 'bench', prefix: 'bench', every: 1, nth: 0 }],
  shelter: [{ model: 'generic-json', behaviour: 'shelter', prefix: 'shelter', every: 1, nth: 0 }],
  measuring_point: [
    { model: 'parvis-sound-900', behaviour: 'sound-level', prefix: 'sound', every: 1, nth: 0 },
    { model: 'parvis-air-610', behaviour: 'air-quality', prefix: 'air', every: 2, nth: 0 },
  ],
}

/** Containers that one refuse lorry empties. */
const containersPerLorry = 45

/**
 * The simulated city: assets around Mulhouse along its streets, the devices on them, and their faults. The same seed,
 * start and number of assets give the same city, and what stands where follows from the seed alone.
 * Throws RangeError for a start before 2023-02-05 or more than `maxAssets` assets.
 */
export function planCity({ seed, assets = 600, startMs }: { seed: number; assets?: number; startMs: number }): City {
  if (!Number.isInteger(assets) || assets < 1 || assets > maxAssets)
    throw new RangeError(`A simulated city has 1 to ${maxAssets} assets.`)
  if (!Number.isFinite(startMs) || startMs - longestServiceMs < epochMs)
    throw new RangeError(`A simulated city starts after ${new Date(epochMs + longestServiceMs).toISOString()}.`)
  const chance = hashText(`city ${seed}`)
  const tag = chance.toString(16).padStart(8, '0').slice(0, 4)
  const streets = shuffle(hashOf(chance, 1), layStreets(chance))
  const counts = shareOut(assets)
  const buildings = placeBuildings(chance, streets, counts.get('classroom') ?? 0)
  const planned: PlannedAsset[] = []
  const devices: PlannedDevice[] = []
  const installations: PlannedInstallation[] = []
  for (const { kind, prefix, service } of assetPlan) {
    const places = placers[kind](chance, streets, buildings, counts.get(kind) ?? 0)
    places.forEach(({ label, at, street, number, site }, i) => {
      const serial = String(i + 1).padStart(4, '0')
      const asset: PlannedAsset = {
        id: `${prefix}-${tag}-${serial}`,
        kind,
        label,
        inventoryNumber: `${prefix}-${tag}-${serial}`.toUpperCase(),
        ...at,
        address: `${number} ${street.name}`,
        district: street.district,
        commune: 'Mulhouse',
        service,
      }
      planned.push(asset)
      for (const plan of devicePlan[kind]) {
        if (i % plan.every !== plan.nth || !(plan.sites?.includes(site) ?? true)) continue
        const id = `${plan.prefix}-${tag}-${serial}`
        const installedAt = installationTime(hashText(`${seed} ${id}`), startMs)
        installations.push({ deviceId: id, assetId: asset.id, installedAt })
        devices.push({
          ...describeDevice(plan.model, plan.intervalS),
          id,
          label: `${models.get(plan.model)!.label.fr}, ${label}`,
          behaviour: plan.behaviour,
          site,
          // Two devices on one asset observe the same asset.
          seed: hashText(`${seed} ${asset.id}`),
          areaSeed: hashText(`${seed} ${street.district}`),
        })
      }
    })
  }
  const lorries = planLorries(seed, tag, startMs, devices, installations)
  return {
    seed,
    startMs,
    assets: planned,
    devices: planFaults([...devices, ...lorries], chance, startMs),
    installations,
  }
}

/**
 * The refuse lorries: each has one device, a channel of which stands for each container that it empties. The containers'
 * installations on those channels are added to `installations`.
 */
function planLorries(
  seed: number,
  tag: string,
  startMs: number,
  devices: readonly PlannedDevice[],
  installations: PlannedInstallation[],
): PlannedDevice[] {
  const containers = devices
    .filter((device) => device.behaviour === 'waste-container')
    // A lorry stays in its districts.
    .sort((a, b) => a.areaSeed - b.areaSeed)
  const assetOf = new Map(installations.map(({ deviceId, assetId }) => [deviceId, assetId]))
  return Array.from({ length: Math.ceil(containers.length / containersPerLorry) }, (_, i) => {
    const id = `lorry-${tag}-${String(i + 1).padStart(4, '0')}`
    const ownSeed = hashText(`${seed} ${id}`)
    const serves = new Map<string, PlannedDevice>()
    for (const container of containers.slice(i * containersPerLorry, (i + 1) * containersPerLorry)) {
      const rfid = `E2801160${container.seed.toString(16).padStart(8, '0')}`.toUpperCase()
      serves.set(rfid, container)
      const assetId = assetOf.get(container.id)!
      installations.push({ deviceId: id, assetId, channel: rfid, installedAt: installationTime(ownSeed, startMs) })
    }
    return {
      ...describeDevice('parvis-lift-200'),
      id,
      label: `Lève-conteneur de la benne ${i + 1}`,
      behaviour: 'refuse-lorry',
      site: 'street',
      seed: ownSeed,
      areaSeed: ownSeed,
      serves,
    }
  })
}

function describeDevice(model: string, intervalS?: number) {
  const { expectedIntervalS } = models.get(model)!
  return { model, intervalMs: (intervalS ?? expectedIntervalS) * 1000, faults: [] }
}

// On a full hour, in the time before the city's start.
function installationTime(seed: number, startMs: number): number {
  return Math.floor((startMs - between(seed, 300, 0.1, 1) * longestServiceMs) / hourMs) * hourMs
}

/** How long before the city's start its oldest device was installed. */
const longestServiceMs = 400 * dayMs

/** How many assets of each kind, by largest remainder: the sum is `total`. */
function shareOut(total: number): Map<Kind, number> {
  const counts = new Map<Kind, number>()
  for (const { kind, share } of assetPlan) counts.set(kind, Math.floor(share * total))
  let left = total - [...counts.values()].reduce((sum, count) => sum + count, 0)
  const byRemainder = [...assetPlan].sort((a, b) => ((b.share * total) % 1) - ((a.share * total) % 1))
  for (const { kind } of byRemainder) if (left-- > 0) counts.set(kind, counts.get(kind)! + 1)
  return counts
}

type Place = { label: string; at: Point; street: Street; number: number; site: Site }
type Building = { name: string; site: Site; at: Point; street: Street; number: number }
type Placer = (seed: number, streets: readonly Street[], buildings: readonly Building[], count: number) => Place[]

/** House numbers go by metres, odd on the left and even on the right. */
function houseNumber(metres: number, aside: number): number {
  return 2 * Math.floor(metres / 14) + (aside > 0 ? 2 : 1)
}

/** Along one street after another, every `spacingM` metres and alternating sides: a row in each. */
function placeInRows(spacingM: number, label: string): Placer {
  return (_seed, streets, _buildings, count) => {
    const places: Place[] = []
    // When every street is full, the next round stands between the rows of the first.
    for (let round = 0; places.length < count; round++)
      for (const street of streets) {
        const first = spacingM * (0.5 + ((round * 0.618) % 1) * 0.4)
        for (let k = 0; first + k * spacingM < street.lengthM && places.length < count; k++) {
          const metres = first + k * spacingM
          const aside = k % 2 === 0 ? 5 : -5
          places.push(place(`${label} ${places.length + 1}`, street, metres, aside))
        }
      }
    return places
  }
}

function place(name: string, street: Street, metres: number, aside: number): Place {
  return {
    label: `${name}, ${street.name}`,
    at: pointOn(street, metres, aside),
    street,
    number: houseNumber(metres, aside),
    site: street.site,
  }
}

/** Here and there along the streets of some sites, in turn; `names` are what the things are called. */
function placeAlong(purpose: number, names: readonly string[], aside: number, sites?: readonly Site[]): Placer {
  return (seed, streets, _buildings, count) => {
    const fitting = sites === undefined ? streets : streets.filter((street) => sites.includes(street.site))
    const own = hashOf(seed, purpose)
    return Array.from({ length: count }, (_, i) => {
      const street = fitting[i % fitting.length]!
      const metres = uniform(own, i) * street.lengthM
      return place(`${pick(own, i + count, names)} ${i + 1}`, street, metres, i % 3 === 0 ? -aside : aside)
    })
  }
}

/** Bays in rows of eight along the kerb. */
const placeBays: Placer = (seed, streets, _buildings, count) => {
  const kerbs = streets.filter((street) => street.site !== 'park')
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / 8)
    const street = kerbs[(row * 3) % kerbs.length]!
    const start = between(seed, 5000 + row, 10, street.lengthM - 60)
    return place(`Place ${i + 1}`, street, start + (i % 8) * 5.5, -7)
  })
}

/** Schools by number of classrooms, one town hall, and a pool: each at a street of its own. */
function placeBuildings(seed: number, streets: readonly Street[], classrooms: number): Building[] {
  const wanted: { name: string; site: Site }[] = [
    { name: 'hôtel de ville', site: 'town_hall' },
    { name: 'piscine municipale', site: 'pool' },
  ]
  for (let i = 0; i < Math.max(1, Math.ceil(classrooms / 8)); i++) wanted.push({ name: '', site: 'school' })
  const schools = new Map<string, number>()
  return wanted.map(({ name, site }, i) => {
    const street = streets[(i * 5 + 2) % streets.length]!
    const metres = between(seed, 6000 + i, 30, street.lengthM - 30)
    const building = { site, at: pointOn(street, metres, 22), street, number: houseNumber(metres, 22) }
    if (site !== 'school') return { name, ...building }
    const before = schools.get(street.district) ?? 0
    schools.set(street.district, before + 1)
    return { name: `école ${schoolNames[before % schoolNames.length]} ${street.district}`, ...building }
  })
}

const schoolNames = ['élémentaire', 'maternelle', 'primaire']

/** In buildings, in turn; `only` are schools or every building. */
function placeInside(label: string, only?: Site): Placer {
  return (seed, _streets, buildings, count) => {
    const fitting = only === undefined ? buildings : buildings.filter((building) => building.site === only)
    return Array.from({ length: count }, (_, i) => {
      const { name, at, street, number, site } = fitting[i % fitting.length]!
      const nth = Math.floor(i / fitting.length) + 1
      const spread = (purpose: number) => (uniform(seed, 7000 + i, purpose) - 0.5) * 3e-4
      const latitude = Math.round((at.latitude + spread(1)) * 1e6) / 1e6
      const longitude = Math.round((at.longitude + spread(2)) * 1e6) / 1e6
      return { label: `${label} ${nth}, ${name}`, at: { latitude, longitude }, street, number, site }
    })
  }
}

const placers: Record<Kind, Placer> = {
  street_light: placeInRows(28, 'Luminaire'),
  waste_container: placeAlong(
    10,
    ['Conteneur à verre', 'Conteneur à papier', 'Conteneur d’ordures ménagères', 'Corbeille'],
    7,
  ),
  parking_bay: placeBays,
  classroom: placeInside('Salle', 'school'),
  energy_meter: placeInside('Compteur électrique'),
  water_meter: placeInside('Compteur d’eau'),
  bench: placeAlong(11, ['Banc'], 6, ['park', 'street']),
  shelter: placeAlong(12, ['Abri de bus'], 4, ['avenue']),
  measuring_point: placeAlong(13, ['Sonomètre'], 4, ['avenue', 'market']),
}
