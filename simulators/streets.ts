import type { Site } from './plan.ts'
import { between, pick } from './random.ts'

/** A point of a map, WGS 84 degrees. */
export type Point = { latitude: number; longitude: number }

/** A street of the simulated city: a line of points with a length in metres. */
export type Street = { name: string; district: string; site: Site; line: Point[]; lengthM: number }

const metresPerLatitude = 111_320
// At the latitude of Mulhouse.
const metresPerLongitude = 74_850

/**
 * The districts, each with about where it lies and the streets that are built there. Names are those that many French
 * towns have; where a street lies and how it runs is the seed's, so none of them is to be looked for on a map.
 */
const districts: readonly { name: string; at: Point; streets: readonly (readonly [string, Site])[] }[] = [
  {
    name: 'Centre historique',
    at: { latitude: 47.7476, longitude: 7.3385 },
    streets: [
      ['rue des Tanneurs', 'street'],
      ['rue du Sauvage', 'street'],
      ['place de la Réunion', 'street'],
      ['rue des Boulangers', 'street'],
    ],
  },
  {
    name: 'Gare',
    at: { latitude: 47.7428, longitude: 7.3432 },
    streets: [
      ['rue de la Gare', 'street'],
      ['avenue du Général-Leclerc', 'avenue'],
      ['quai du Canal', 'street'],
    ],
  },
  {
    name: 'Franklin',
    at: { latitude: 47.7532, longitude: 7.3325 },
    streets: [
      ['avenue de Colmar', 'avenue'],
      ['rue de la Filature', 'street'],
      ['rue des Écoles', 'street'],
    ],
  },
  {
    name: 'Briand',
    at: { latitude: 47.7496, longitude: 7.3254 },
    streets: [
      ['avenue de la République', 'avenue'],
      ['quai de la Cloche', 'market'],
      ['rue du Marché', 'market'],
    ],
  },
  {
    name: 'Dornach',
    at: { latitude: 47.7478, longitude: 7.3105 },
    streets: [
      ['rue de Belfort', 'avenue'],
      ['rue du Château', 'street'],
      ['rue des Vergers', 'street'],
      ['rue de l’Église', 'street'],
    ],
  },
  {
    name: 'Bourtzwiller',
    at: { latitude: 47.7716, longitude: 7.3352 },
    streets: [
      ['rue de Soultz', 'avenue'],
      ['rue de la Mairie', 'street'],
      ['rue des Jardins', 'street'],
      ['rue des Prés', 'street'],
    ],
  },
  {
    name: 'Rebberg',
    at: { latitude: 47.7372, longitude: 7.3404 },
    streets: [
      ['rue des Vignes', 'street'],
      ['boulevard des Tilleuls', 'avenue'],
      ['allée du Belvédère', 'park'],
    ],
  },
  {
    name: 'Drouot',
    at: { latitude: 47.7564, longitude: 7.3594 },
    streets: [
      ['rue de Bâle', 'avenue'],
      ['rue de Provence', 'street'],
      ['rue de Bretagne', 'street'],
    ],
  },
  {
    name: 'Fonderie',
    at: { latitude: 47.7418, longitude: 7.3284 },
    streets: [
      ['rue de la Fonderie', 'street'],
      ['quai des Pêcheurs', 'street'],
      ['rue de la Manufacture', 'street'],
    ],
  },
  {
    name: 'Vauban-Neppert',
    at: { latitude: 47.7562, longitude: 7.3458 },
    streets: [
      ['rue Vauban', 'street'],
      ['rue du Moulin', 'street'],
      ['square de la Doller', 'park'],
    ],
  },
  {
    name: 'Les Coteaux',
    at: { latitude: 47.7421, longitude: 7.2936 },
    streets: [
      ['boulevard des Nations', 'avenue'],
      ['rue des Acacias', 'street'],
      ['parc des Coteaux', 'park'],
    ],
  },
]

/** The streets of a seed: each within some 400 m of its district's middle, 260 to 620 m long, with one bend. */
export function layStreets(seed: number): Street[] {
  const streets: Street[] = []
  for (const { name: district, at, streets: names } of districts)
    for (const [name, site] of names) {
      const n = streets.length
      const lengthM = Math.round(between(seed, 4 * n + 1000, 260, 620))
      // Streets of a district run in two directions, as blocks make them.
      const turn = pick(seed, 4 * n + 1001, [0, 90]) + between(seed, 4 * n + 1002, -12, 12)
      const away = { east: between(seed, 4 * n + 1003, -280, 280), north: between(seed, 4 * n + 1004, -220, 220) }
      const middle = move(at, away.east, away.north)
      const start = along(middle, turn + 180, lengthM / 2)
      const bend = between(seed, 4 * n + 1005, -14, 14)
      const line = [start, middle, along(middle, turn + bend, lengthM / 2)]
      streets.push({ name, district, site, line, lengthM })
    }
  return streets
}

/** The point that many metres along a street, `aside` metres to its right (negative: left). */
export function pointOn(street: Street, metres: number, aside: number): Point {
  const half = street.lengthM / 2
  const [start, middle, end] = street.line as [Point, Point, Point]
  const [from, to, walked] = metres < half ? [start, middle, metres] : [middle, end, metres - half]
  const east = ((to.longitude - from.longitude) * metresPerLongitude) / half
  const north = ((to.latitude - from.latitude) * metresPerLatitude) / half
  const point = move(from, east * walked + north * aside, north * walked - east * aside)
  return { latitude: round(point.latitude), longitude: round(point.longitude) }
}

function along(from: Point, degrees: number, metres: number): Point {
  const angle = (degrees * Math.PI) / 180
  return move(from, Math.sin(angle) * metres, Math.cos(angle) * metres)
}

function move(from: Point, eastM: number, northM: number): Point {
  return {
    latitude: from.latitude + northM / metresPerLatitude,
    longitude: from.longitude + eastM / metresPerLongitude,
  }
}

// A tenth of a metre is more than anybody measures.
function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6
}
