import type { Feature, FeatureCollection } from 'geojson'
import type { StyleSpecification } from 'maplibre-gl'
import type { Colours } from './drawings.ts'
import type { Point } from './point.ts'

/*
 * The ground that needs no network: a plain colour, and the districts where the assets are, by their outlines.
 */

/** A district's name, and between which latitudes it is drawn at which longitude. Degrees. */
export type DistrictName = { name: string; longitude: number; top: number; bottom: number }

type Position = [longitude: number, latitude: number]

/** Points that make an outline worth drawing. */
const leastPoints = 8

/** How much larger an outline is than what it holds. */
const room = 1.35

/** The style of the plain ground. */
export function makeGround(colours: Colours): StyleSpecification {
  return {
    version: 8,
    // Outlines are coarse: a few tiles serve every closer look, where each would be drawn as it comes.
    sources: { districts: { type: 'geojson', data: { type: 'FeatureCollection', features: [] }, maxzoom: 12 } },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': colours.ground } },
      {
        id: 'districts',
        type: 'fill',
        source: 'districts',
        paint: { 'fill-color': colours.raised, 'fill-antialias': false },
      },
      {
        id: 'outlines',
        type: 'line',
        source: 'districts',
        layout: { 'line-join': 'round' },
        paint: { 'line-color': colours.line, 'line-width': 1.5 },
      },
    ],
  }
}

/** The outline of each district that enough points are in, and where its name may stand. */
export function outlineDistricts(points: Iterable<Point>): { outlines: FeatureCollection; names: DistrictName[] } {
  const byDistrict = new Map<string, Position[]>()
  for (const { district, longitude, latitude } of points) {
    if (district === null) continue
    const known = byDistrict.get(district)
    if (known === undefined) byDistrict.set(district, [[longitude, latitude]])
    else known.push([longitude, latitude])
  }
  const features: Feature[] = []
  const names: DistrictName[] = []
  for (const [name, positions] of byDistrict) {
    const hull = positions.length < leastPoints ? [] : findHull(positions)
    // A line encloses nothing.
    if (hull.length < 3) continue
    const ring = widen(hull)
    const latitudes = ring.map(([, latitude]) => latitude)
    const longitude = hull.reduce((sum, [longitude]) => sum + longitude / hull.length, 0)
    features.push({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } })
    names.push({ name, longitude, top: Math.max(...latitudes), bottom: Math.min(...latitudes) })
  }
  return { outlines: { type: 'FeatureCollection', features }, names }
}

/** A hull with room around what it holds, as a closed ring. */
function widen(hull: readonly Position[]): Position[] {
  const [x, y] = hull.reduce<Position>(([x, y], [lon, lat]) => [x + lon / hull.length, y + lat / hull.length], [0, 0])
  const wide = hull.map(([lon, lat]): Position => [x + (lon - x) * room, y + (lat - y) * room])
  return [...wide, wide[0]!]
}

/** The convex hull of some positions (Andrew's monotone chain). */
export function findHull(positions: readonly Position[]): Position[] {
  const sorted = [...positions].sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const lower = chain(sorted)
  const upper = chain(sorted.reverse())
  return [...lower.slice(0, -1), ...upper.slice(0, -1)]
}

function chain(sorted: readonly Position[]): Position[] {
  const kept: Position[] = []
  for (const next of sorted) {
    while (kept.length >= 2 && turn(kept.at(-2)!, kept.at(-1)!, next) <= 0) kept.pop()
    kept.push(next)
  }
  return kept
}

function turn(a: Position, b: Position, c: Position): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}
