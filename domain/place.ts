/** A point of the earth, in degrees (WGS 84), longitude first as GeoJSON has it. */
export type Point = readonly [longitude: number, latitude: number]

/** A part of the map: a box, what lies around a point, or a polygon of one ring. */
export type Area =
  | { kind: 'box'; west: number; south: number; east: number; north: number }
  | { kind: 'circle'; center: Point; radiusM: number }
  | { kind: 'polygon'; ring: readonly Point[] }

/** Most corners of a polygon that is asked for. */
export const maxCorners = 500

/** Largest circle that is asked for, in metres. */
export const maxRadiusM = 100_000

// The mean radius of the earth (IUGG).
const earthRadiusM = 6_371_008.8
const radian = Math.PI / 180

/** The distance of two points over the earth's surface, in metres: to 0.5 %, which is that of a sphere. */
export function distanceM([lonA, latA]: Point, [lonB, latB]: Point): number {
  const a =
    Math.sin(((latB - latA) * radian) / 2) ** 2 +
    Math.cos(latA * radian) * Math.cos(latB * radian) * Math.sin(((lonB - lonA) * radian) / 2) ** 2
  return 2 * earthRadiusM * Math.asin(Math.min(1, Math.sqrt(a)))
}

/** Whether a point lies in an area; its limits belong to it, but for the sides of a polygon, which may not. */
export function contains(area: Area, point: Point): boolean {
  if (area.kind === 'box') return isInBox(area, point)
  if (area.kind === 'circle') return distanceM(area.center, point) <= area.radiusM
  return isInRing(area.ring, point)
}

// A box over the antimeridian goes from its west to its smaller east (RFC 7946, 5.2).
function isInBox({ west, south, east, north }: Extract<Area, { kind: 'box' }>, [lon, lat]: Point): boolean {
  if (lat < south || lat > north) return false
  return west <= east ? lon >= west && lon <= east : lon >= west || lon <= east
}

/** A ray to the east crosses the ring an odd number of times from inside. */
function isInRing(ring: readonly Point[], [lon, lat]: Point): boolean {
  let isInside = false
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [lonA, latA] = ring[i]!
    const [lonB, latB] = ring[j]!
    if (latA > lat !== latB > lat && lon < ((lonB - lonA) * (lat - latA)) / (latB - latA) + lonA) isInside = !isInside
  }
  return isInside
}

/** Reads `west,south,east,north`, in degrees; null for anything else. */
export function parseBox(text: string): Area | null {
  const numbers = parseNumbers(text)
  if (numbers?.length !== 4) return null
  const [west, south, east, north] = numbers as [number, number, number, number]
  if (!isPoint([west, south]) || !isPoint([east, north]) || south > north) return null
  return { kind: 'box', west, south, east, north }
}

/** Reads `longitude,latitude,radius in metres`; null for anything else. */
export function parseCircle(text: string): Area | null {
  const numbers = parseNumbers(text)
  if (numbers?.length !== 3) return null
  const [lon, lat, radiusM] = numbers as [number, number, number]
  if (!isPoint([lon, lat]) || radiusM <= 0 || radiusM > maxRadiusM) return null
  return { kind: 'circle', center: [lon, lat], radiusM }
}

/** Reads the corners `longitude,latitude` of a polygon, with spaces between them; null for anything else. */
export function parsePolygon(text: string): Area | null {
  const ring = text
    .trim()
    .split(/\s+/)
    .map((corner) => parseNumbers(corner))
  if (ring.length < 3 || ring.length > maxCorners) return null
  if (!ring.every((corner): corner is [number, number] => corner?.length === 2 && isPoint(corner as [number, number])))
    return null
  return { kind: 'polygon', ring }
}

function parseNumbers(text: string): number[] | null {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  return numbers.every(Number.isFinite) ? numbers : null
}

function isPoint([lon, lat]: readonly [number, number]): boolean {
  return Math.abs(lon) <= 180 && Math.abs(lat) <= 90
}
